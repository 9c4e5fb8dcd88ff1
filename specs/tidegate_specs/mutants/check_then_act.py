"""An offer looks at the newest free token and removes it only after publishing, instead of claiming it with one atomic call. Two
offers that look before either removes both accept into the same slot.

Breaks: BOUND-1
Killed by: explore.offers-2-take-1, scenarios.09
Within: 20 schedules of explore.offers-2-take-1
"""

from . import Patch

BREAKS = ("BOUND-1",)
KILLED_BY = ("explore.offers-2-take-1", "scenarios.09")
WITHIN = {"explore.offers-2-take-1": 20}
PATCHES = (
    Patch(
        "_intake.py",
        "held = token = free.newest",
        "held = token = slots.free[-1]",
    ),
    Patch(
        "_intake.py",
        ("slots.publish(held)\n                        return ACCEPTED"),
        (
            "slots.publish(held)\n"
            "                        if slots.free:\n"
            "                            slots.free.pop()\n"
            "                        return ACCEPTED"
        ),
    ),
)
