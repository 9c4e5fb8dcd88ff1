"""A limit counts however long ago its last window was.

Breaks: LIMIT-5, POLICY-5
Killed by: policies.limit_loads
"""

from ...mutants import Patch

BREAKS = (
    "LIMIT-5",
    "POLICY-5",
)
KILLED_BY = ("policies.limit_loads",)
PATCHES = (
    Patch(
        "policies/limit.py",
        "if not 0 <= now_ns - self._begun_ns <= self._kept_ns and self._capacity:",
        "if not self._begun_ns and self._capacity:",
    ),
)
