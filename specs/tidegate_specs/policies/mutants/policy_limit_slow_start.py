"""The first limit is the floor.

Breaks: LIMIT-5
Killed by: policies.limit_faults
"""

from ...mutants import Patch

BREAKS = ("LIMIT-5",)
KILLED_BY = ("policies.limit_faults",)
PATCHES = (
    Patch(
        "policies/limit.py",
        'self._capacity = self.now = _checked("capacity", capacity, self._floor)',
        'self._capacity = _checked("capacity", capacity, self._floor)',
    ),
)
