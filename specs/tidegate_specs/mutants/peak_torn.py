"""The peak is a number that each offer raises, read in one step and written in another: an offer that was stopped in between
writes one that is too low.

Breaks: LEDGER-1
Killed by: explore.offers-3-take-1-wide
Within: 1000 schedules of explore.offers-3-take-1-wide
"""

from . import Patch

BREAKS = ("LEDGER-1",)
KILLED_BY = ("explore.offers-3-take-1-wide",)
WITHIN = {"explore.offers-3-take-1-wide": 1000}
PATCHES = (
    Patch(
        "_slots.py",
        "        self.capacity, self.closed, self.epoch = capacity, closed, epoch()\n",
        ("        self.capacity, self.closed, self.epoch = capacity, closed, epoch()\n        self.peak = 0\n"),
    ),
    Patch(
        "_slots.py",
        ", capacity - after.count(0) + ready.count(0)\n",
        ", self.peak\n",
    ),
    Patch(
        "_intake.py",
        "relies on it\n",
        ("relies on it\n                        slots.peak = max(slots.peak, slots.capacity - len(slots.free))\n"),
    ),
)
