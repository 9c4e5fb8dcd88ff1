"""A closed bulkhead is said to be above a threshold.

Breaks: POLICY-1
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-1",)
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/admission.py",
        "if door.refusal is not None and not self._bulkhead._closed:",
        "if door.refusal is not None:",
    ),
)
