"""An offer that lost its slot to another one tries again for as long as it sees a free one: other producers can keep it there
without bound.

Breaks: NOWAIT-1
Killed by: audit.wait_free
"""

from . import Patch

BREAKS = ("NOWAIT-1",)
KILLED_BY = ("audit.wait_free",)
PATCHES = (
    Patch(
        "_intake.py",
        "if free and not slots.closed:",
        "while slots.free and not slots.closed:",
    ),
)
