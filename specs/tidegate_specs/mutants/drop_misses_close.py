"""A dropped lease looks whether the intake is closed before its slot is home. A drain that begins in between finds the slot
missing, waits for it, and is never woken.

Breaks: CLOSE-2
Killed by: explore.drain-drop-take
Within: 500 schedules of explore.drain-drop-take
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("explore.drain-drop-take",)
WITHIN = {"explore.drain-drop-take": 500}
PATCHES = (
    Patch(
        "_slots.py",
        "        index = lost.index\n",
        ("        index = lost.index\n        closed = self.closed\n"),
    ),
    Patch(
        "_slots.py",
        ("                self.restore(token)\n                if self.closed:\n"),
        ("                self.restore(token)\n                if closed:\n"),
    ),
)
