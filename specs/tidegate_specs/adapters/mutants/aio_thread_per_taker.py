"""A taker waits in a thread of its own, as with `to_thread(queue.get)`.

Breaks: ASYNC-2
Killed by: adapters.aio_wakeups
"""

from ...mutants import Patch

BREAKS = ("ASYNC-2",)
KILLED_BY = ("adapters.aio_wakeups",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "            await self._intake._until(self._look)\n",
        "            self._lease = await asyncio.to_thread(self._intake._intake.take)\n",
    ),
)
