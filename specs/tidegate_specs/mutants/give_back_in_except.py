"""An interrupted offer gives its slot back in `except BaseException`, also when it had published it already.

Breaks: INTERRUPT-1, BOUND-1
Killed by: scenarios.18, sweeps.interrupt, sweeps.storm
"""

from . import Patch

BREAKS = ("INTERRUPT-1", "BOUND-1")
KILLED_BY = ("scenarios.18", "sweeps.interrupt", "sweeps.storm")
PATCHES = (
    Patch(
        "_intake.py",
        "                slots.give_back(token)\n                token = held",
        "                slots.give_back(held)\n                token = held",
    ),
)
