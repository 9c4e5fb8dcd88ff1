"""A search halves on below the floor.

Breaks: LIMIT-1
Killed by: policies.limit_proof, policies.limit_traces
"""

from ...mutants import Patch

BREAKS = ("LIMIT-1",)
KILLED_BY = (
    "policies.limit_proof",
    "policies.limit_traces",
)
PATCHES = (
    Patch(
        "policies/limit.py",
        "return max(floor, low // 2), (SEARCHING, 1, -1",
        "return low // 2, (SEARCHING, 1, -1",
    ),
)
