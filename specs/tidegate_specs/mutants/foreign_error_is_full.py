"""An offer takes an IndexError that somebody else raised in it for its own: FULL, although there is room.

Breaks: EXACT-1, INTERRUPT-1
Killed by: sweeps.kinds
"""

from . import Patch

BREAKS = ("EXACT-1", "INTERRUPT-1")
KILLED_BY = ("sweeps.kinds",)
PATCHES = (
    Patch(
        "_intake.py",
        ("            except BaseException:\n                slots.give_back(token)\n                token = held = None"),
        (
            "            except IndexError:\n"
            "                slots.give_back(token)\n"
            "            except BaseException:\n"
            "                slots.give_back(token)\n"
            "                token = held = None"
        ),
    ),
)
