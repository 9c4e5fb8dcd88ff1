"""A class may fill one slot more than its threshold.

Breaks: CLASS-2, CLASS-1
Killed by: policies.admission_lockstep, policies.seats_at_threshold
"""

from ...mutants import Patch

BREAKS = ("CLASS-2", "CLASS-1")
KILLED_BY = ("policies.admission_lockstep", "policies.seats_at_threshold")
PATCHES = (
    Patch(
        "policies/_seats.py",
        "kept = self.capacity - most\n",
        "kept = max(0, self.capacity - most - (most < limit))\n",
    ),
)
