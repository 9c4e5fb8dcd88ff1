"""A refusal as late is not counted.

Breaks: POLICY-2
Killed by: policies.refusals, policies.clock_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-2",)
KILLED_BY = ("policies.refusals", "policies.clock_lockstep")
PATCHES = (
    Patch(
        "policies/freshness.py",
        "if not next(self._book.late) % YIELD_EVERY:",
        "if not now % YIELD_EVERY:",
    ),
)
