"""Any IndexError is taken for a bell that somebody else has posted.

Breaks: ASYNC-3
Killed by: adapters.aio_sweep
"""

from ...mutants import Patch

BREAKS = ("ASYNC-3",)
KILLED_BY = ("adapters.aio_sweep",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "            bell = self.bells.newest  # atomic, and no call: one of any number of offers at the same time gets it\n",
        "            bell = self.bells.pop()\n",
    ),
)
