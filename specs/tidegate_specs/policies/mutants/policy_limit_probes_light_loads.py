"""A load below the limit is probed, too.

Breaks: LIMIT-5
Killed by: policies.limit_faults
"""

from ...mutants import Patch

BREAKS = ("LIMIT-5",)
KILLED_BY = ("policies.limit_faults",)
PATCHES = (
    Patch(
        "policies/limit.py",
        "pressed = 8 * sum(self._inside[:size]) >= 7 * size * limit",
        "pressed = size > 0",
    ),
)
