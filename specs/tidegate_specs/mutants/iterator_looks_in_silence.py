"""An iterator looks at the lease before and rings for nobody: a taker that waits to hear whether that item comes back waits on.

Breaks: CLOSE-2
Killed by: explore.list-close-take
Within: 200 schedules of explore.list-close-take
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("explore.list-close-take",)
WITHIN = {"explore.list-close-take": 200}
PATCHES = (
    Patch(
        "_intake.py",
        (
            "                if self._slots.closed:\n"
            "                    self._slots.ring()  # a taker may wait to hear that this item can't come back\n"
        ),
        "",
    ),
)
