"""A taker that leaves because of close does not pass the bell on: of several that wait, only one wakes.

Breaks: CLOSE-2
Killed by: explore.close-take-take, scenarios.22, stateful.enumeration
Within: 50 schedules of explore.close-take-take
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("explore.close-take-take", "scenarios.22", "stateful.enumeration")
WITHIN = {"explore.close-take-take": 50}
PATCHES = (
    Patch(
        "_intake.py",
        "                    slots.ring()  # the same\n",
        "",
    ),
    Patch(
        "_intake.py",
        "slots.give_back(token)  # and ring, also",
        "slots.give_back(token) if token else None  # and ring, also",
    ),
)
