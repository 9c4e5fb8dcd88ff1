"""Who was let in to observe is a sample.

Breaks: LIMIT-3
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("LIMIT-3",)
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/admission.py",
        (
            "            if not shed:\n"
            "                next(door.tally.accepted)\n"
            "                lease._inside = seats.capacity - len(seats.free)\n"
            "                lease._entered_ns = seats.clock()\n"
        ),
        (
            "            if not shed:\n"
            "                next(door.tally.accepted)\n"
            "            lease._inside = seats.capacity - len(seats.free)\n"
            "            lease._entered_ns = seats.clock()\n"
        ),
    ),
)
