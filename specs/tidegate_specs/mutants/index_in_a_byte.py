"""A slot's index is kept in a byte: with more than 256 slots two of them hold each other's items.

Breaks: LOCAL-1, BOUND-2
Killed by: sizes.brim
"""

from . import Patch

BREAKS = ("LOCAL-1", "BOUND-2")
KILLED_BY = ("sizes.brim",)
PATCHES = (
    Patch(
        "_slots.py",
        "self.home, self.index, self.generation = home, index, generation",
        "self.home, self.index, self.generation = home, index & 255, generation",
    ),
)
