"""Take says closed when the queue is empty and no held item can be put back, and forgets the offers that have claimed a slot and
not published it: their items appear when all takers have left.

Breaks: CLOSE-2
Killed by: explore.close-offer-take
Within: 100 schedules of explore.close-offer-take
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("explore.close-offer-take",)
WITHIN = {"explore.close-offer-take": 100}
PATCHES = (
    Patch(
        "_slots.py",
        "        return settled == self.capacity\n",
        (
            "        unsettled = any(isinstance(turn, list) and turn[1:] == [False] for turn in self.turns)\n"
            "        return self.queue.empty() and not unsettled\n"
        ),
    ),
)
