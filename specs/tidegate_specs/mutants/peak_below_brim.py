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
        "sum([state != 0 for state in states])",
        "min(100, sum([state != 0 for state in states]))",
    ),
)
