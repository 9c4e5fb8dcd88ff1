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
        "full, closed = [int(repr(answers)[6:-1]) for answers in (self.answered_full, self.answered_closed)]",
        "full, closed = [0xFFFF & int(repr(answers)[6:-1]) for answers in (self.answered_full, self.answered_closed)]",
    ),
)
