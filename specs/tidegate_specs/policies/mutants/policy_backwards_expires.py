"""A clock that runs backwards makes what is queued expire.

Breaks: POLICY-4
Killed by: policies.clock_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-4",)
KILLED_BY = ("policies.clock_lockstep",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "elif age > patience:",
        "elif age > patience or age < 0:",
    ),
)
