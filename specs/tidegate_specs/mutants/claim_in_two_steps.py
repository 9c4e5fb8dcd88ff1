"""An offer reads the newest free token from a copy of the list and removes it from the list in a second step. Two offers that
read before either removes claim the same token.

Breaks: BOUND-1, BOUND-2
Killed by: explore.offers-2-take-1
Within: 10 schedules of explore.offers-2-take-1
"""

from . import Patch

BREAKS = ("BOUND-1", "BOUND-2")
KILLED_BY = ("explore.offers-2-take-1",)
WITHIN = {"explore.offers-2-take-1": 10}
PATCHES = (
    Patch(
        "_intake.py",
        "held = token = free.newest\n",
        ("held = token = slots.free.copy().pop()\n                    del slots.free[-1:]\n"),
    ),
)
