"""An offer reads the closed flag before its claim and not again while it holds the slot. One that was stopped in between is
accepted after close returned, and after a drain answered 0.

Breaks: CLOSE-2
Killed by: explore.drain-offers, scenarios.23
Within: 100 schedules of explore.drain-offers
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("explore.drain-offers", "scenarios.23")
WITHIN = {"explore.drain-offers": 100}
PATCHES = (
    Patch(
        "_intake.py",
        "if not slots.closed:  # read again",
        "if True:  # read again",
    ),
)
