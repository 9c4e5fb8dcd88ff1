"""The handler asks first whether there is room, and drops the record itself if not: nobody counts it.

Breaks: LOG-1
Killed by: adapters.log_model
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_model",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "            self.intake.offer(record)\n",
        "            if self.intake.statistics().free:\n                self.intake.offer(record)\n",
    ),
)
