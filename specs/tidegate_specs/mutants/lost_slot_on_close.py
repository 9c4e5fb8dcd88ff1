"""After close a release retires its slot instead of bringing it home, as nobody will claim it any more. A drain never sees all
slots, and a taker never hears that nothing can come.

Breaks: CLOSE-2, BOUND-2
Killed by: scenarios.24, stateful.enumeration
"""

from . import Patch

BREAKS = ("CLOSE-2", "BOUND-2")
KILLED_BY = ("scenarios.24", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        "            slots.turns[index] = mark[0] + 1  # ours alone to write: we own the slot\n",
        (
            "            slots.turns[index] = mark[0] + 1  # ours alone to write: we own the slot\n"
            "            if slots.closed:\n"
            "                slots.generations[index] = slots.generations.get(index, 0) + 1\n"
            "                return True\n"
        ),
    ),
)
