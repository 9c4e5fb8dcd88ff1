"""The seat comes home before the slot is free.

Breaks: CLASS-2
Killed by: policies.seats_in_and_out
"""

from ...mutants import Patch

BREAKS = ("CLASS-2",)
KILLED_BY = ("policies.seats_in_and_out",)
PATCHES = (
    Patch(
        "policies/admission.py",
        (
            "            if not self._lease.release():\n"
            "                return False\n"
            "            seat, self._seat = self._seat, None  # ours alone: we released\n"
            "            if seat is not None:\n"
            "                seats.restore(seat)\n"
        ),
        (
            "            seat, self._seat = self._seat, None\n"
            "            if seat is not None:\n"
            "                seats.restore(seat)\n"
            "            if not self._lease.release():\n"
            "                return False\n"
        ),
    ),
)
