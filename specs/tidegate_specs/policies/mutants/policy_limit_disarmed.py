"""A look that is interrupted leaves the next ones without a window.

Breaks: LIMIT-5
Killed by: policies.limit_faults
"""

from ...mutants import Patch

BREAKS = ("LIMIT-5",)
KILLED_BY = ("policies.limit_faults",)
PATCHES = (
    Patch(
        "policies/limit.py",
        "        size = min(samples, RING)\n",
        "        size, self._kept_ns, samples = min(samples, RING), self._kept_ns, samples\n        self._serial = count(-(10**9))\n",
    ),
)
