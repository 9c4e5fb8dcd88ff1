"""An offer takes a MemoryError that a signal handler raises for its own, gives its slot back, and answers FULL.

Breaks: INTERRUPT-1, EXACT-1
Killed by: sweeps.kinds
"""

from . import Patch

BREAKS = ("INTERRUPT-1", "EXACT-1")
KILLED_BY = ("sweeps.kinds",)
PATCHES = (
    Patch(
        "_intake.py",
        "            except BaseException:\n                slots.give_back(token)\n                token = held = None",
        "            except MemoryError:\n                slots.give_back(token)\n                token = held = None\n"
        "            except BaseException:\n                slots.give_back(token)\n                token = held = None",
    ),
)
