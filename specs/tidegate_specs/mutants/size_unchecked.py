"""A capacity that needs more memory than there is gets refused by the allocator, or not at all, instead of by a clear error.

Breaks: HOSTILE-1
Killed by: audit.hostile
"""

from . import Patch

BREAKS = ("HOSTILE-1",)
KILLED_BY = ("audit.hostile",)
PATCHES = (
    Patch(
        "_intake.py",
        "if not 1 <= capacity <= MOST:",
        "if not 1 <= capacity:",
    ),
)
