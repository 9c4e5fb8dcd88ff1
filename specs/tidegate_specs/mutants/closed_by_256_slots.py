"""Whether a closed intake is exhausted is told by its first 256 slots: of more that are in flight, no taker hears that it is.

Breaks: CLOSE-2
Killed by: sizes.brim
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("sizes.brim",)
PATCHES = (
    Patch(
        "_slots.py",
        "for turn in self.turns if isinstance(turn, list)])",
        "for turn in self.turns[:256] if isinstance(turn, list)])",
    ),
)
