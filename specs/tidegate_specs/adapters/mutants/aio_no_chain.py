"""A woken taker keeps the wake-up to itself: of two items accepted between two turns, one waits for the next offer.

Breaks: ASYNC-2, ASYNC-3
Killed by: adapters.aio_model, adapters.aio_cancel
"""

from ...mutants import Patch

BREAKS = ("ASYNC-2", "ASYNC-3")
KILLED_BY = ("adapters.aio_model", "adapters.aio_cancel")
PATCHES = (
    Patch(
        "adapters/aio.py",
        "                if waiter.is_set():\n                    station.wake()  # there may be more, for others\n",
        "",
    ),
)
