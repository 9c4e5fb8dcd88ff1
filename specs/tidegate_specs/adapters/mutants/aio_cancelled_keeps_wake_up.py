"""A taker that is cancelled after it was woken keeps the wake-up, as `asyncio.Queue` once did: others sleep on beside an item.

Breaks: ASYNC-2, ASYNC-3
Killed by: adapters.aio_cancel, adapters.aio_model
"""

from ...mutants import Patch

BREAKS = ("ASYNC-2", "ASYNC-3")
KILLED_BY = ("adapters.aio_cancel", "adapters.aio_model")
PATCHES = (
    Patch(
        "adapters/aio.py",
        (
            "            self._ring()  # a wake-up may have been ours; and should we have been the last, this lets go of the loop\n"
            "            raise\n"
        ),
        "            raise\n",
    ),
    Patch(
        "adapters/aio.py",
        "until we are gone too\n        self._intake._ring()\n",
        "until we are gone too\n",
    ),
    Patch(
        "adapters/aio.py",
        "        held[0] = NO_LEASE\n        self._ring()\n",
        "        held[0] = NO_LEASE\n",
    ),
)
