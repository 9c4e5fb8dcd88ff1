"""The peak is never told above 100.

Breaks: LEDGER-1
Killed by: sizes.brim
"""

from . import Patch

BREAKS = ("LEDGER-1",)
KILLED_BY = ("sizes.brim",)
PATCHES = (
    Patch(
        "_slots.py",
        "capacity - after.count(0) + ready.count(0)",
        "min(100, capacity - after.count(0) + ready.count(0))",
    ),
)
