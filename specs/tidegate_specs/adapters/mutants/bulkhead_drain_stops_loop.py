"""The drain of an event loop waits in C: those who are inside can't leave, as the loop stands still.

Breaks: BULKHEAD-2
Killed by: adapters.bulkhead_host
"""

from ...mutants import Patch

BREAKS = ("BULKHEAD-2",)
KILLED_BY = ("adapters.bulkhead_host",)
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        "            await sleep(min(pause_s, remaining_s))\n",
        "            self._intake.drain(min(remaining_s, 60))\n",
    ),
)
