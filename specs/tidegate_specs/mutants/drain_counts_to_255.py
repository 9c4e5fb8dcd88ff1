"""A drain never answers more than 255.

Breaks: CLOSE-2
Killed by: sizes.brim
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("sizes.brim",)
PATCHES = (
    Patch(
        "_intake.py",
        ("        return left\n"),
        ("        return min(left, 255)\n"),
    ),
)
