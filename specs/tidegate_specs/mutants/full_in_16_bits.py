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
        "full = int(repr(self.answered_full)[6:-1])",
        "full = 0xFFFF & int(repr(self.answered_full)[6:-1])",
    ),
)
