"""Statistics counts what is in flight on the living slots, and all else on its copy: an item taken in between is counted twice.

Breaks: LEDGER-1, BOUND-2
Killed by: explore.statistics-release-offer
Within: 50 schedules of explore.statistics-release-offer
"""

from . import Patch

BREAKS = ("LEDGER-1", "BOUND-2")
KILLED_BY = ("explore.statistics-release-offer",)
WITHIN = {"explore.statistics-release-offer": 50}
PATCHES = (
    Patch(
        "_slots.py",
        "queued, in_flight, peak = len(ready), len(marked),",
        "queued, in_flight, peak = len(ready), sum(isinstance(turn, list) for turn in self.turns),",
    ),
)
