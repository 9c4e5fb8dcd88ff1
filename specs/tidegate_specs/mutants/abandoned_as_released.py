"""A lease dropped unreleased is counted as released.

Breaks: LEDGER-1, LEASE-1
Killed by: scenarios.11, stateful.enumeration
"""

from . import Patch

BREAKS = ("LEDGER-1", "LEASE-1")
KILLED_BY = ("scenarios.11", "stateful.enumeration")
PATCHES = (
    Patch(
        "_slots.py",
        "self.turns[index] = turn[0] + 1 + ABANDONED  # one store both frees the slot and counts\n",
        "self.turns[index] = turn[0] + 1\n",
    ),
)
