"""A release looks at the token in the lease instead of removing it, so that a second release frees the slot again.

Breaks: LEASE-1, BOUND-1
Killed by: scenarios.05, stateful.enumeration
"""

from . import Patch

BREAKS = ("LEASE-1", "BOUND-1")
KILLED_BY = ("scenarios.05", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        "                del mark[1]  # who",
        "                # who",
    ),
)
