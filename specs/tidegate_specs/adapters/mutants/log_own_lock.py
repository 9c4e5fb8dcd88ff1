"""The handler counts what it drops itself, under a lock: a signal handler that logs meanwhile waits for itself.

Breaks: LOG-1
Killed by: adapters.log_reentry, adapters.log_freeze
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_reentry", "adapters.log_freeze")
PATCHES = (
    Patch("adapters/log.py", "from threading import TIMEOUT_MAX, Thread,", "from threading import TIMEOUT_MAX, Lock, Thread,"),
    Patch(
        "adapters/log.py",
        "            self.intake.offer(record)\n",
        (
            "            with self.counting:\n"
            "                if not self.intake.offer(record):\n"
            "                    self.dropped = getattr(self, 'dropped', 0) + 1\n"
        ),
    ),
    Patch(
        "adapters/log.py",
        "        self.intake: Final = intake\n        self._epoch",
        "        self.intake: Final = intake\n        self.counting = Lock()\n        self._epoch",
    ),
)
