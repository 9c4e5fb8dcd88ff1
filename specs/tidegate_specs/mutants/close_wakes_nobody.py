"""Close sets the flag and rings no bell: takers that wait go on waiting.

Breaks: CLOSE-2
Killed by: scenarios.22, stateful.enumeration, sweeps.interrupt
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("scenarios.22", "stateful.enumeration", "sweeps.interrupt")
PATCHES = (
    Patch(
        "_intake.py",
        ("            slots.closed = True\n            slots.ring()\n"),
        "            slots.closed = True\n",
    ),
)
