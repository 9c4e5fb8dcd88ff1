"""A lease that nobody has looked at is abandoned, and not put back, once a large intake is closed: an accepted item is lost.

Breaks: LEASE-1, CLOSE-2
Killed by: sizes.brim
"""

from . import Patch

BREAKS = ("LEASE-1", "CLOSE-2")
KILLED_BY = ("sizes.brim",)
PATCHES = (
    Patch(
        "_slots.py",
        "if turn[1:2] == [False]:",
        "if turn[1:2] == [False] and not (self.closed and self.capacity > 128):",
    ),
)
