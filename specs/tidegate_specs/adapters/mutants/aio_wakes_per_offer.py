"""Every accepted offer posts to the loop, as `call_soon_threadsafe(queue.put_nowait, item)` does.

Breaks: ASYNC-1
Killed by: adapters.aio_wakeups
"""

from ...mutants import Patch

BREAKS = ("ASYNC-1",)
KILLED_BY = ("adapters.aio_wakeups",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "            bell = self.bells.newest  # atomic, and no call: one of any number of offers at the same time gets it\n",
        "            bell = self.bells[0]\n",
    ),
)
