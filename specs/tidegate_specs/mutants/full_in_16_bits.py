"""The count of the refused is told in 16 bits.

Breaks: LEDGER-1
Killed by: sizes.ages
"""

from . import Patch

BREAKS = ("LEDGER-1",)
KILLED_BY = ("sizes.ages",)
PATCHES = (
    Patch(
        "_slots.py",
        "full, closed = value_of(self.answered_full), value_of",
        "full, closed = value_of(self.answered_full) & 0xFFFF, value_of",
    ),
)
