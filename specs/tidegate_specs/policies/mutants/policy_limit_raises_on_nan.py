"""A time that is no number raises.

Breaks: LIMIT-1, POLICY-4
Killed by: policies.limit_traces
"""

from ...mutants import Patch

BREAKS = (
    "LIMIT-1",
    "POLICY-4",
)
KILLED_BY = ("policies.limit_traces",)
PATCHES = (
    Patch(
        "policies/limit.py",
        "took if 0 <= took <= LONGEST_NS else 0",
        "int(took)",
    ),
)
