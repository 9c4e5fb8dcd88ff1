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
        "ABANDONED: Final = 1 << 64",
        "ABANDONED: Final = 1 << 18",
    ),
    Patch(
        "_slots.py",
        "state >> 64",
        "state >> 18",
    ),
)
