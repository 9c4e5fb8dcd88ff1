"""An intake without any slot can be made.

Breaks: HOSTILE-1
Killed by: audit.hostile, scenarios.12, stateful.lockstep
"""

from . import Patch

BREAKS = ("HOSTILE-1",)
KILLED_BY = ("audit.hostile", "scenarios.12", "stateful.lockstep")
PATCHES = (
    Patch(
        "_intake.py",
        "    if not 1 <= capacity <= MOST:",
        "    if not 0 <= capacity <= MOST:",
    ),
)
