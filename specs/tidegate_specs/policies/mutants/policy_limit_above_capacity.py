"""A search doubles on above the capacity.

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
        "return min(capacity, 2 * high), (SEARCHING, 1, 1, high",
        "return 2 * high, (SEARCHING, 1, 1, high",
    ),
)
