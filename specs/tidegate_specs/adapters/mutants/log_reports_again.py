"""Each look that finds new drops reports that overload was entered, and none that it was left.

Breaks: LOG-2
Killed by: adapters.log_model
"""

from ...mutants import Patch

BREAKS = ("LOG-2",)
KILLED_BY = ("adapters.log_model",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "        if edge is None:\n            return False\n",
        ("        if edge is None:\n            return False\n        self._watch = OverloadWatch(self.intake)\n"),
    ),
)
