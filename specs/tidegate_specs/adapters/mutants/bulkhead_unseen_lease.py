"""The lease is handed out before its item was looked at: dropped before its `with`, it queues an item that nobody takes.

Breaks: BULKHEAD-2
Killed by: adapters.bulkhead_sweep
"""

from ...mutants import Patch

BREAKS = ("BULKHEAD-2",)
KILLED_BY = ("adapters.bulkhead_sweep",)
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        "                _ = lease.item  # seen",
        "                # seen",
    ),
)
