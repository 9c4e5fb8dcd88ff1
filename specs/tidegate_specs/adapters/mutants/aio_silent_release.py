"""A release wakes nobody: a drain sleeps on although every slot is home.

Breaks: ASYNC-2, ASYNC-3
Killed by: adapters.aio_model, adapters.aio_cancel, adapters.aio_sweep
"""

from ...mutants import Patch

BREAKS = ("ASYNC-2", "ASYNC-3")
KILLED_BY = ("adapters.aio_model", "adapters.aio_cancel", "adapters.aio_sweep")
PATCHES = (
    Patch(
        "adapters/aio.py",
        "                self._intake._ring()  # a drain may wait for this slot\n",
        "                pass\n",
    ),
)
