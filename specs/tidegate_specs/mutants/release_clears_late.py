"""A release takes the token out of the lease only once the slot is home. A second release in between finds it too, and frees the
slot again.

Breaks: LEASE-1, BOUND-1
Killed by: explore.release-release-offer
Within: 100 schedules of explore.release-release-offer
"""

from . import Patch

BREAKS = ("LEASE-1", "BOUND-1")
KILLED_BY = ("explore.release-release-offer",)
WITHIN = {"explore.release-release-offer": 100}
PATCHES = (
    Patch(
        "_intake.py",
        "                del mark[1]  # who",
        "                # who",
    ),
    Patch(
        "_intake.py",
        ("            if slots.closed:\n                slots.ring()\n            return True\n"),
        ("            del mark[1:]\n            if slots.closed:\n                slots.ring()\n            return True\n"),
    ),
)
