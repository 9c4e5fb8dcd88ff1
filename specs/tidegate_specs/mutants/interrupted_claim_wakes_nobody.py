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
        "                slots.give_back(token)\n                token = held",
        "                slots.give_back(token) if token else None\n                token = held",
    ),
)
