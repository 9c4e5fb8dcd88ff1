"""An intake is made anew in the first fork only: a child's child holds the child's work.

Breaks: FORK-1
Killed by: sizes.forks
"""

from . import Patch

BREAKS = ("FORK-1",)
KILLED_BY = ("sizes.forks",)
PATCHES = (
    Patch(
        "_forks.py",
        'if hasattr(os, "register_at_fork"):',
        'if hasattr(os, "register_at_fork") and not _current:',
    ),
)
