"""The peak tells how many slots are in use now, not how many were at most.

Breaks: LEDGER-1
Killed by: scenarios.11, stateful.enumeration
"""

from . import Patch

BREAKS = ("LEDGER-1",)
KILLED_BY = ("scenarios.11", "stateful.enumeration")
PATCHES = (
    Patch(
        "_slots.py",
        ", capacity - after.count(0) + ready.count(0)\n",
        ", len(ready) + len(marked)\n",
    ),
)
