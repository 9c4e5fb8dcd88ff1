"""After a fork the child's intake is open, although the parent's was closed.

Breaks: FORK-1, CLOSE-1
Killed by: sizes.forks
"""

from . import Patch

BREAKS = ("FORK-1", "CLOSE-1")
KILLED_BY = ("sizes.forks",)
PATCHES = (
    Patch(
        "_intake.py",
        ("        if slots.closed:\n            intake.close()\n"),
        "",
    ),
)
