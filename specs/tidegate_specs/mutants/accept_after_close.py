"""An offer does not look at the closed flag when a slot is free.

Breaks: CLOSE-1
Killed by: scenarios.23, stateful.enumeration, contracts.offers
"""

from . import Patch

BREAKS = ("CLOSE-1",)
KILLED_BY = ("scenarios.23", "stateful.enumeration", "contracts.offers")
PATCHES = (
    Patch(
        "_intake.py",
        "if free and not slots.closed:",
        "if slots.free:",
    ),
    Patch(
        "_intake.py",
        "if not slots.closed:  # read again",
        "if True:  # read again",
    ),
)
