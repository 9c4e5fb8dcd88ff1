"""What expires is told, but its slot is left to the finaliser, which queues it again.

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
        "            counted = True",
    ),
)
