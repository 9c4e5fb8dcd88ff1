"""A refused record raises, as a bounded queue does: `logging` prints a traceback for each record dropped.

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
        "            if not self.intake.offer(record):\n                raise BlockingIOError\n",
    ),
)
