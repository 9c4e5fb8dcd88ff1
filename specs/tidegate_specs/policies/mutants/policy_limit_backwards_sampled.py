"""A clock that ran backwards gives a sample.

Breaks: LIMIT-3, POLICY-4
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("LIMIT-3", "POLICY-4")
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/_seats.py",
        "if left_ns is None or left_ns < entered_ns:",
        "if left_ns is None:",
    ),
)
