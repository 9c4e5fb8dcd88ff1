"""The child of a fork has the parent's seats.

Breaks: POLICY-1
Killed by: policies.seats_forked
"""

from ...mutants import Patch

BREAKS = ("POLICY-1",)
KILLED_BY = ("policies.seats_forked",)
PATCHES = (
    Patch(
        "policies/admission.py",
        "            seats.heirs.append(Seats(*self._made_of))\n            self._seats = seats.heirs[0]\n",
        "            seats.epoch.clear()\n",
    ),
)
