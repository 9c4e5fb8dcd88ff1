"""Who is refused at the limit is told of its class.

Breaks: POLICY-2
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-2",)
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/_seats.py",
        "Shed.LIMIT if most == limit else Shed.CLASS",
        "Shed.CLASS",
    ),
)
