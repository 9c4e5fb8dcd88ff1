"""An item whose expiry is interrupted is never told.

Breaks: ASYNC-4
Killed by: adapters.aio_expiry_sweep
"""

from ...mutants import Patch

BREAKS = ("ASYNC-4",)
KILLED_BY = ("adapters.aio_expiry_sweep",)
PATCHES = (
    Patch(
        "adapters/_patience.py",
        "                    next(self.expired)\n                self.owed[object()] = item\n",
        "                    next(self.expired)\n",
    ),
)
