"""An unknown label is not counted.

Breaks: CLASS-3
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("CLASS-3",)
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/_seats.py",
        "            next(self.unknown)\n",
        "",
    ),
)
