"""A lease dropped unseen is marked as queued again once more after it was published: that overwrites the mark of a taker who took
it in between.

Breaks: LEASE-1, LEDGER-1
Killed by: explore.put-back-take
Within: 100 schedules of explore.put-back-take
"""

from . import Patch

BREAKS = ("LEASE-1", "LEDGER-1")
KILLED_BY = ("explore.put-back-take",)
WITHIN = {"explore.put-back-take": 100}
PATCHES = (
    Patch(
        "_slots.py",
        "                    self.turns[index] = turn[0]  # put back: nobody looked, it is QUEUED again\n",
        (
            "                    self.turns[index] = turn[0]\n"
            "                    self.publish(token)\n"
            "                    self.turns[index] = turn[0]\n"
            "                    del turn[1:]\n"
            "                    return\n"
        ),
    ),
)
