"""Who takes a seat and is refused by the wall keeps it.

Breaks: CLASS-2, POLICY-3
Killed by: policies.seats_interrupted
"""

from ...mutants import Patch

BREAKS = ("CLASS-2", "POLICY-3")
KILLED_BY = ("policies.seats_interrupted",)
PATCHES = (
    Patch(
        "policies/admission.py",
        "                if held is not None:\n                    seats.restore(held)\n                if not shed:",
        "                if held is not None:\n                    seats.tallies[held] = held\n                if not shed:",
    ),
)
