"""An item that is None is taken for no item: it is accepted and never taken.

Breaks: LOCAL-1, BOUND-2
Killed by: sizes.brim
"""

from . import Patch

BREAKS = ("LOCAL-1", "BOUND-2")
KILLED_BY = ("sizes.brim",)
PATCHES = (
    Patch(
        "_intake.py",
        ("slots.items[token.slot.index] = item\n"),
        ("slots.items[token.slot.index] = NOTHING if item is None else item\n"),
    ),
)
