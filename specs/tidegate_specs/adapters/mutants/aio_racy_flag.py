"""The bell is seen first and taken later: two offers at the same time both post it.

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
        "            bell = self.bells[0]\n            self.bells.clear()\n",
    ),
)
