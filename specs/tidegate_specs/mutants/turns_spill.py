"""A slot's turns spill into the count of the abandoned after 2**16 items of that slot.

Breaks: LEDGER-1
Killed by: sizes.ages
"""

from . import Patch

BREAKS = ("LEDGER-1",)
KILLED_BY = ("sizes.ages",)
PATCHES = (
    Patch(
        "_slots.py",
        "ABANDONED: Final = 1 << 128",
        "ABANDONED: Final = 1 << 16",
    ),
    Patch(
        "_slots.py",
        "counted >> 128",
        "counted >> 16",
    ),
)
