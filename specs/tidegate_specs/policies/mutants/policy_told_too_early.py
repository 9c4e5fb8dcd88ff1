"""An owner is told before the slot is free.

Breaks: FRESH-1
Killed by: policies.expiry_interrupted
"""

from ...mutants import Patch

BREAKS = ("FRESH-1",)
KILLED_BY = ("policies.expiry_interrupted",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "            lease.release()\n            counted = True",
        "            self._tell(note, alone=True)\n            lease.release()\n            counted = True",
    ),
    Patch(
        "policies/freshness.py",
        "            next(book.expired)\n            self._tell(note, alone=True)\n",
        "            next(book.expired)\n",
    ),
)
