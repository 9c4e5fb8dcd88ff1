"""The wall has a slot more than it should.

Breaks: POLICY-1
Killed by: policies.wall_answers, policies.clock_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-1",)
KILLED_BY = ("policies.wall_answers", "policies.clock_lockstep")
PATCHES = (
    Patch(
        "policies/freshness.py",
        "= Intake(capacity)",
        "= Intake(capacity + 1)",
    ),
)
