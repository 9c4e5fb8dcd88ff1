"""Drain waits for the slots to come home and forgets its deadline: a worker that hangs makes it hang too.

Breaks: CLOSE-2
Killed by: scenarios.24
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("scenarios.24",)
PATCHES = (
    Patch(
        "_intake.py",
        "waits = Waits(slots.await_home, (True,), (remaining,))",
        "waits = Waits(slots.await_home, (True,))",
    ),
)
