"""A refusal by class is not counted.

Breaks: POLICY-2
Killed by: policies.admission_lockstep, policies.seats_refusals
"""

from ...mutants import Patch

BREAKS = ("POLICY-2",)
KILLED_BY = ("policies.admission_lockstep", "policies.seats_refusals")
PATCHES = (
    Patch(
        "policies/_seats.py",
        "next(door.tally.shed_limit if refusal is Shed.LIMIT else door.tally.shed_class)",
        "next(door.tally.shed_limit if refusal is Shed.LIMIT else self.faults)",
    ),
)
