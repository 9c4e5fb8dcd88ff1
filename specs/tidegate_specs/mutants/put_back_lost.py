"""A lease that is dropped before anyone looked at its item abandons the item instead of putting it back.

Breaks: LEASE-1, INTERRUPT-1
Killed by: scenarios.03, stateful.enumeration
"""

from . import Patch

BREAKS = ("LEASE-1", "INTERRUPT-1")
KILLED_BY = ("scenarios.03", "stateful.enumeration")
PATCHES = (
    Patch(
        "_slots.py",
        "if turn[1:2] == [False]:",
        "if not turn:",
    ),
)
