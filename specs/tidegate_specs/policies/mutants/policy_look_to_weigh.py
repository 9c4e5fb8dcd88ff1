"""A taker reads the item through its lease to weigh it: interrupted after that it abandons the item.

Breaks: FRESH-2
Killed by: policies.wall_interrupted, policies.expiry_interrupted
"""

from ...mutants import Patch

BREAKS = ("FRESH-2",)
KILLED_BY = ("policies.wall_interrupted", "policies.expiry_interrupted")
PATCHES = (
    Patch(
        "policies/freshness.py",
        "item, at, patience = lease._slots.items[lease._index]",
        "item, at, patience = lease.item",
    ),
)
