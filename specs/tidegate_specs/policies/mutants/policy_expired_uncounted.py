"""What expires is counted as released.

Breaks: FRESH-2
Killed by: policies.clock_lockstep
"""

from ...mutants import Patch

BREAKS = ("FRESH-2",)
KILLED_BY = ("policies.clock_lockstep",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "            next(book.expired)\n            self._tell",
        "            self._tell",
    ),
)
