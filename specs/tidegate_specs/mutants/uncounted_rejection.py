"""Rejections after close are not counted: offers vanish from the ledger.

Breaks: LEDGER-1
Killed by: scenarios.11, stateful.enumeration
"""

from . import Patch

BREAKS = ("LEDGER-1",)
KILLED_BY = ("scenarios.11", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        "outcome, rejections = CLOSED, next(slots.answered_closed)",
        "outcome, rejections = CLOSED, 1",
    ),
)
