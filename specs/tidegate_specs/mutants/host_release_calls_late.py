"""A release lets go of its token before a call that may find no room on the stack: the slot is told to be free, and is not.

Breaks: BOUND-2, LEDGER-1
Killed by: host.recursion
"""

from . import Patch

BREAKS = (
    "BOUND-2",
    "LEDGER-1",
)
KILLED_BY = ("host.recursion",)
PATCHES = (
    Patch(
        "_intake.py",
        "            slots.turns[index] = mark[0] + 1  # ours alone to write: we own the slot\n",
        "            slots.turns[index] = mark[0] + 1  # ours alone to write: we own the slot\n"
        "            token = None\n"
        "            repr(self)\n",
    ),
)
