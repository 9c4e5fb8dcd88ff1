"""The slot comes home when its item is taken, not when the lease is released: more items are unfinished than the capacity allows.

Breaks: BOUND-1, LEASE-1
Killed by: scenarios.10, stateful.enumeration
"""

from . import Patch

BREAKS = ("BOUND-1", "LEASE-1")
KILLED_BY = ("scenarios.10", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        "                    lease._token = token  # last",
        ("                    slots.restore(token)\n                    lease._token = token  # last"),
    ),
    Patch(
        "_intake.py",
        "                held = self._token\n",
        (
            "                del mark[1]\n"
            "                slots.items[index] = NOTHING\n"
            "                slots.turns[index] = mark[0] + 1\n"
            "                return True\n"
        ),
    ),
)
