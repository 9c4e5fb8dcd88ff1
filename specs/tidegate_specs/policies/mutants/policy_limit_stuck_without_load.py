"""A window whose load did not reach the limit leaves it as it is.

Breaks: LIMIT-5, POLICY-5
Killed by: policies.limit_faults, policies.limit_traces
"""

from ...mutants import Patch

BREAKS = (
    "LIMIT-5",
    "POLICY-5",
)
KILLED_BY = (
    "policies.limit_faults",
    "policies.limit_traces",
)
PATCHES = (
    Patch(
        "policies/limit.py",
        "        limit = raised(max(limit, other), capacity)\n",
        "        limit = max(limit, other)\n",
    ),
)
