"""A slot's generation is kept in 16 bits: later ones are not known again, and a slot that is lost then stays lost.

Breaks: BOUND-2, LEASE-1
Killed by: sizes.ages
"""

from . import Patch

BREAKS = ("BOUND-2", "LEASE-1")
KILLED_BY = ("sizes.ages",)
PATCHES = (
    Patch(
        "_slots.py",
        ("self.generations[index] = token.slot.generation[0]\n"),
        ("self.generations[index] = token.slot.generation[0] & 0xFFFF\n"),
    ),
)
