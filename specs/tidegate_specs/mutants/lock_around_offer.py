"""Offers exclude each other with a lock. A producer stopped inside holds up all others, and an offer from a signal handler waits
for the one it interrupted, for ever.

Breaks: NOWAIT-1, NOWAIT-2, REENTRY-1
Killed by: audit.wait_free, scenarios.16, sweeps.freeze, sweeps.reentry
"""

from . import Patch

BREAKS = ("NOWAIT-1", "NOWAIT-2", "REENTRY-1")
KILLED_BY = ("audit.wait_free", "scenarios.16", "sweeps.freeze", "sweeps.reentry")
PATCHES = (
    Patch(
        "_intake.py",
        "YIELD_EVERY: Final = 24",
        ("LOCK: Final = Lock()\nYIELD_EVERY: Final = 24"),
    ),
    Patch(
        "_intake.py",
        "import os\n",
        ("import os\nfrom threading import Lock\n"),
    ),
    Patch(
        "_intake.py",
        ("slots.publish(held)\n                        return ACCEPTED"),
        ("with LOCK:\n                            slots.publish(held)\n                        return ACCEPTED"),
    ),
)
