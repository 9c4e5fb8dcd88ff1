"""One slot more than the capacity is made: the intake accepts capacity + 1 items.

Breaks: BOUND-1
Killed by: scenarios.12, stateful.enumeration, contracts.offers
"""

from . import Patch

BREAKS = ("BOUND-1",)
KILLED_BY = ("scenarios.12", "stateful.enumeration", "contracts.offers")
PATCHES = (
    Patch(
        "_intake.py",
        "Slots(_checked_capacity(capacity))",
        "Slots(_checked_capacity(capacity) + 1)",
    ),
    Patch(
        "_intake.py",
        "return self._slots.capacity\n",
        "return self._slots.capacity - 1\n",
    ),
)
