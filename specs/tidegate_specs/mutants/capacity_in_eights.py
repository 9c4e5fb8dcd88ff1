"""Capacities above 8 are rounded up to the next multiple of 8: the intake accepts more than it was made for.

Breaks: BOUND-1, FIXED-1
Killed by: sizes.brim
"""

from . import Patch

BREAKS = ("BOUND-1", "FIXED-1")
KILLED_BY = ("sizes.brim",)
PATCHES = (
    Patch(
        "_intake.py",
        "Slots(_checked_capacity(capacity))",
        "Slots(capacity if _checked_capacity(capacity) <= 8 else (capacity + 7) // 8 * 8)",
    ),
)
