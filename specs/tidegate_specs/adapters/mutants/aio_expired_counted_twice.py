"""An item whose expiry is interrupted is counted twice.

Breaks: ASYNC-4
Killed by: adapters.aio_expiry_sweep
"""

from ...mutants import Patch

BREAKS = ("ASYNC-4",)
KILLED_BY = ("adapters.aio_expiry_sweep",)
PATCHES = (
    Patch(
        "adapters/_patience.py",
        "                if not counted:\n",
        "                if counted is not None:\n",
    ),
)
