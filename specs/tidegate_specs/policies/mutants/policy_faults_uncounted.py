"""Ages that can't be told are not counted.

Breaks: POLICY-4
Killed by: policies.clock_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-4",)
KILLED_BY = ("policies.clock_lockstep",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "                next(book.faults)\n",
        "",
    ),
)
