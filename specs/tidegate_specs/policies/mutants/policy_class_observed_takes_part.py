"""Who is let in to observe takes a seat that is free no more.

Breaks: POLICY-2
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-2",)
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/admission.py",
        "            if not shed:\n                next(door.tally.accepted)\n",
        "            if True:\n                next(door.tally.accepted)\n",
    ),
)
