"""Who may come in is looked at before a seat is taken, in two steps.

Breaks: CLASS-2
Killed by: policies.seats_at_threshold
"""

from ...mutants import Patch

BREAKS = ("CLASS-2",)
KILLED_BY = ("policies.seats_at_threshold",)
PATCHES = (
    Patch(
        "policies/admission.py",
        "                held = seat = door.seat\n",
        (
            "                if len(seats.free) <= seats.capacity - door.threshold:\n"
            "                    raise IndexError\n"
            "                held = seat = seats.free.pop()\n"
        ),
    ),
)
