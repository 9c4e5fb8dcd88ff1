"""Drain asks statistics how many slots are free, which does not know of an offer that has claimed one and not stored its item: it
answers 0, and the item is accepted afterwards.

Breaks: CLOSE-2
Killed by: explore.drain-offers
Within: 100 schedules of explore.drain-offers
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("explore.drain-offers",)
WITHIN = {"explore.drain-offers": 100}
PATCHES = (
    Patch(
        "_intake.py",
        "while left := slots.capacity - len(slots.free):",
        "while left := slots.capacity - slots.statistics().free:",
    ),
    Patch(
        "_intake.py",
        "left = slots.capacity - len(slots.free)",
        "left = slots.capacity - slots.statistics().free",
    ),
)
