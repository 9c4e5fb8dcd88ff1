"""An offer that a close overtook is interrupted when it has just given its slot back, and leaves without ringing: no one hears it.

Breaks: CLOSE-2
Killed by: sweeps.interrupt
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("sweeps.interrupt",)
PATCHES = (
    Patch(
        "_intake.py",
        "                if slots.closed:\n                    slots.ring()\n                raise\n        if slots.closed:",
        "                raise\n        if slots.closed:",
    ),
)
