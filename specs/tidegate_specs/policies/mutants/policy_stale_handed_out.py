"""An item is handed out until it has waited for twice its patience.

Breaks: FRESH-1
Killed by: policies.clock_lockstep
"""

from ...mutants import Patch

BREAKS = ("FRESH-1",)
KILLED_BY = ("policies.clock_lockstep",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "if 0 <= age <= patience:",
        "if 0 <= age <= 2 * patience:",
    ),
)
