"""An offer reads the closed flag before its claim and not again while it holds the slot. One that was stopped in between is
accepted after close returned, and after a drain answered 0.

Breaks: CLOSE-2
Killed by: scenarios.23
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("scenarios.23",)
PATCHES = (
    Patch(
        "_intake.py",
        "if not slots.closed:  # read again",
        "if True:  # read again",
    ),
)
