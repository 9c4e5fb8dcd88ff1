"""Thresholds are shares of the capacity, not of the limit.

Breaks: CLASS-1, LIMIT-2
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("CLASS-1", "LIMIT-2")
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/_seats.py",
        "self._classes.thresholds(limit).items()",
        "self._classes.thresholds(self.capacity).items()",
    ),
)
