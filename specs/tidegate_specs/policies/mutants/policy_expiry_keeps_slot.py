"""What expires is told, but its lease is kept, and its slot with it.

Breaks: FRESH-1, FRESH-2
Killed by: policies.expiry_interrupted
"""

from ...mutants import Patch

BREAKS = ("FRESH-1", "FRESH-2")
KILLED_BY = ("policies.expiry_interrupted",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "            lease.release()\n            counted = True",
        "            book.heirs.append(lease)  # type: ignore[arg-type]\n            counted = True",
    ),
)
