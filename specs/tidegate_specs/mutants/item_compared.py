"""A recovery compares the item with the empty mark by `!=`, and so runs a method of the caller's item.

Breaks: HOSTILE-1
Killed by: audit.quiet, scenarios.20
"""

from . import Patch

BREAKS = ("HOSTILE-1",)
KILLED_BY = ("audit.quiet", "scenarios.20")
PATCHES = (
    Patch(
        "_slots.py",
        "if self.items[index] is not NOTHING:",
        "if self.items[index] != NOTHING:",
    ),
)
