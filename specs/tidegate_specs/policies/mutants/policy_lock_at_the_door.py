"""Offers take turns at a lock.

Breaks: POLICY-3
Killed by: policies.wall_beside
"""

from ...mutants import Patch

BREAKS = ("POLICY-3",)
KILLED_BY = ("policies.wall_beside",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "        return self._intake.offer((item, now, patience))\n",
        "        with TURN:\n            return self._intake.offer((item, now, patience))\n",
    ),
    Patch(
        "policies/freshness.py",
        "LATE: Final = Shed.LATE\n",
        'LATE: Final = Shed.LATE\nTURN = __import__("threading").Lock()\n',
    ),
)
