"""Of those who wait and are to hear that it is over, the first sixteen pass it on, and the others sleep.

Breaks: CLOSE-2
Killed by: sizes.takers
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("sizes.takers",)
PATCHES = (
    Patch(
        "_intake.py",
        ("                    slots.ring()  # the same\n"),
        ("                    _ = sum(1 for _ in zip(slots.leaving, [0])) and slots.ring()\n"),
    ),
    Patch(
        "_slots.py",
        ("        self.answered_full, self.answered_closed = count(), count()\n"),
        ("        self.answered_full, self.answered_closed = count(), count()\n        self.leaving = iter(range(16))\n"),
    ),
    Patch(
        "_intake.py",
        "slots.give_back(token)  # and ring, also",
        "slots.give_back(token) if token else None  # and ring, also",
    ),
)
