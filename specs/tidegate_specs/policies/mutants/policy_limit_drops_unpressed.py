"""Only windows of a load that reaches the limit end.

Breaks: LIMIT-5, POLICY-5
Killed by: policies.limit_faults
"""

from ...mutants import Patch

BREAKS = (
    "LIMIT-5",
    "POLICY-5",
)
KILLED_BY = ("policies.limit_faults",)
PATCHES = (
    Patch(
        "policies/limit.py",
        "        pressed = 8 * sum(self._inside[:size]) >= 7 * size * limit\n",
        "        pressed = 8 * sum(self._inside[:size]) >= 7 * size * limit\n        if not pressed:\n            return\n",
    ),
)
