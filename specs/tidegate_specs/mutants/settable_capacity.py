"""The capacity can be set on a living intake.

Breaks: FIXED-1
Killed by: audit.imports
"""

from . import Patch

BREAKS = ("FIXED-1",)
KILLED_BY = ("audit.imports",)
PATCHES = (
    Patch(
        "_intake.py",
        "    def offer(self, item: T) -> Outcome:",
        (
            "    @capacity.setter\n"
            "    def capacity(self, capacity: int) -> None:\n"
            "        self._slots = Slots(capacity)\n"
            "\n"
            "    def offer(self, item: T) -> Outcome:"
        ),
    ),
)
