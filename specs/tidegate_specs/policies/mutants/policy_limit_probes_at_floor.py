"""To look whether fewer would do as well, the limit goes down to its floor.

Breaks: LIMIT-5
Killed by: policies.limit_faults
"""

from ...mutants import Patch

BREAKS = ("LIMIT-5",)
KILLED_BY = ("policies.limit_faults",)
PATCHES = (
    Patch(
        "policies/limit.py",
        "limit * 3 // 4 if other > 0",
        "floor if other > 0",
    ),
)
