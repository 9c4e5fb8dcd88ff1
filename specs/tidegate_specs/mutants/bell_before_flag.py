"""Close rings the bell before it sets the flag. A waiting taker that wakes and looks in between sees an open intake and waits on:
it has missed the close.

Breaks: CLOSE-2
Killed by: explore.close-take-take
Within: 100 schedules of explore.close-take-take
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("explore.close-take-take",)
WITHIN = {"explore.close-take-take": 100}
PATCHES = (
    Patch(
        "_intake.py",
        ("            slots.closed = True\n            slots.ring()\n"),
        ("            slots.ring()\n            slots.closed = True\n"),
    ),
)
