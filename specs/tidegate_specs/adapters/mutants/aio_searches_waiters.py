"""A taker that gives up is searched for among all who wait.

Breaks: ASYNC-2
Killed by: adapters.aio_wakeups
"""

from ...mutants import Patch

BREAKS = ("ASYNC-2",)
KILLED_BY = ("adapters.aio_wakeups",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "        self.waiters.pop(waiter, None)\n",
        (
            "        for other in self.waiters:\n            if other == waiter:\n"
            "                del self.waiters[other]\n                break\n"
        ),
    ),
)
