"""Drain answers 0 when nothing is queued, and forgets what is in flight.

Breaks: CLOSE-2
Killed by: scenarios.24, stateful.enumeration
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("scenarios.24", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        ("        self.close()\n        slots = self._slots\n"),
        ("        self.close()\n        slots = self._slots\n        if not self.statistics().queued:\n            return 0\n"),
    ),
)
