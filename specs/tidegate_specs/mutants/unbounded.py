"""An offer that finds no free slot makes a new one.

Breaks: BOUND-1, FIXED-1
Killed by: scenarios.12, stateful.enumeration
"""

from . import Patch

BREAKS = ("BOUND-1", "FIXED-1")
KILLED_BY = ("scenarios.12", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        ("            slots = self._here()\n        free = slots.free\n"),
        ("            slots = self._here()\n        if not slots.free:\n            slots.grow()\n        free = slots.free\n"),
    ),
    Patch(
        "_slots.py",
        "    def ring(self)",
        (
            "    def grow(self) -> None:\n"
            "        self.capacity += 1\n"
            "        self.items.append(NOTHING)\n"
            "        self.turns.append(0)\n"
            "        self.restore(Slots(len(self.items)).free[0])\n"
            "\n"
            "    def ring(self)"
        ),
    ),
)
