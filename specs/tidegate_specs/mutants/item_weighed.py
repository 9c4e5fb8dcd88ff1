"""An offer stores None for an item that is false, and so asks the caller's item for its truth.

Breaks: HOSTILE-1, LOCAL-1
Killed by: audit, scenarios.20
"""

from . import Patch

BREAKS = ("HOSTILE-1", "LOCAL-1")
KILLED_BY = ("audit", "scenarios.20")
PATCHES = (
    Patch(
        "_intake.py",
        "index] = item\n",
        "index] = item or None\n",
    ),
)
