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
        "            self._lease = None  # put back if nobody has looked, or else abandoned\n            self._intake._ring()\n",
        "            self._lease = None\n",
    ),
    Patch(
        "adapters/aio.py",
        "            intake._ring()  # also if it is gone already: a traceback may have kept the kernel's lease until just now\n",
        "            pass\n",
    ),
)
