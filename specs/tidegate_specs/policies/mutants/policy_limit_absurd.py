"""A limit above the capacity is believed.

Breaks: POLICY-4
Killed by: policies.seats_failing
"""

from ...mutants import Patch

BREAKS = ("POLICY-4",)
KILLED_BY = ("policies.seats_failing",)
PATCHES = (
    Patch(
        "policies/_seats.py",
        "return now if type(now) is int and 1 <= now <= self.capacity else self.capacity",
        "return now",
    ),
)
