"""A finaliser decides about a lost lease without shutting out a late look: an iterator marks the lease as seen, a taker counts it
as settled and says closed, and then the item is put back.

Breaks: CLOSE-2
Killed by: explore.list-drop-take
Within: 500 schedules of explore.list-drop-take
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("explore.list-drop-take",)
WITHIN = {"explore.list-drop-take": 500}
PATCHES = (
    Patch(
        "_slots.py",
        "                    turn.append(None)  # so that",
        "                    pass  # so that",
    ),
)
