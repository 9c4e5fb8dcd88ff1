"""An offer publishes its token before it has stored the item: a taker that is quick gets a slot with nothing in it.

Breaks: LOCAL-1
Killed by: explore.offers-2-take-1
Within: 10 schedules of explore.offers-2-take-1
"""

from . import Patch

BREAKS = ("LOCAL-1",)
KILLED_BY = ("explore.offers-2-take-1",)
WITHIN = {"explore.offers-2-take-1": 10}
PATCHES = (
    Patch(
        "_intake.py",
        "relies on it\n",
        ("relies on it\n                        slots.publish(held)\n"),
    ),
    Patch(
        "_intake.py",
        ("slots.publish(held)\n                        return ACCEPTED"),
        "return ACCEPTED",
    ),
)
