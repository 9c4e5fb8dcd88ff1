"""A threshold is rounded up.

Breaks: CLASS-1
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("CLASS-1",)
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/classes.py",
        "int(share * limit + 1e-9)",
        "-int(-share * limit // 1)",
    ),
)
