"""A look that is interrupted leaves the next ones without a place in a window.

Breaks: LIMIT-5
Killed by: policies.limit_faults
"""

from ...mutants import Patch

BREAKS = ("LIMIT-5",)
KILLED_BY = ("policies.limit_faults",)
PATCHES = (
    Patch(
        "policies/limit.py",
        "        limit, memory, lasted_ns = self.now, self._memory, left_ns - self._begun_ns\n",
        "        serial, self._serial = self._serial, count(-(10**9))\n"
        "        limit, memory, lasted_ns = self.now, self._memory, left_ns - self._begun_ns\n"
        "        self._serial = serial\n",
    ),
)
