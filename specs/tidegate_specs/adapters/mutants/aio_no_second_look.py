"""A taker looks, writes itself down and sleeps: what was accepted between its look and its writing wakes nobody.

Breaks: ASYNC-2
Killed by: adapters.aio_wakeups
"""

from ...mutants import Patch

BREAKS = ("ASYNC-2",)
KILLED_BY = ("adapters.aio_wakeups",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "                    station.waiters[waiter] = None\n                else:\n                    await waiter.wait()\n",
        "                    station.waiters[waiter] = None\n                    await waiter.wait()\n",
    ),
)
