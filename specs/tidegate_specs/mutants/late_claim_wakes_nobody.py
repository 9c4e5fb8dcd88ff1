"""An offer that claimed a slot, found the intake closed and gave the slot back wakes nobody. A drain or a taker that saw the slot
missing waits for ever.

Breaks: CLOSE-2
Killed by: explore.drain-offer-take
Within: 500 schedules of explore.drain-offer-take
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("explore.drain-offer-take",)
WITHIN = {"explore.drain-offer-take": 500}
PATCHES = (
    Patch(
        "_intake.py",
        ("                    slots.restore(held)\n                    slots.ring()\n"),
        "                    slots.restore(held)\n",
    ),
)
