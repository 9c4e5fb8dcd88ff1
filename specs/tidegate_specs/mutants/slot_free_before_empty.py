"""A release brings the slot home before it has emptied it: it wipes out the item of an offer that claims the slot in between.

Breaks: LOCAL-1, LEASE-1
Killed by: explore.release-offer-offer
Within: 50 schedules of explore.release-offer-offer
"""

from . import Patch

BREAKS = ("LOCAL-1", "LEASE-1")
KILLED_BY = ("explore.release-offer-offer",)
WITHIN = {"explore.release-offer-offer": 50}
PATCHES = (
    Patch(
        "_intake.py",
        ("            slots.items[index] = NOTHING\n            slots.turns"),
        "            slots.turns",
    ),
    Patch(
        "_intake.py",
        ("            if slots.closed:\n                slots.ring()\n            return True\n"),
        (
            "            slots.items[index] = NOTHING\n"
            "            if slots.closed:\n"
            "                slots.ring()\n"
            "            return True\n"
        ),
    ),
)
