"""What ended with an exception is a sample.

Breaks: LIMIT-3
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("LIMIT-3",)
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/admission.py",
        "self.release(sample=kind is None)",
        "self.release()",
    ),
)
