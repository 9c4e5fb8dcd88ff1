"""All waiting takers are copied for each item, so that what it costs grows with the number who wait.

Breaks: ASYNC-2
Killed by: adapters.aio_wakeups
"""

from ...mutants import Patch

BREAKS = ("ASYNC-2",)
KILLED_BY = ("adapters.aio_wakeups",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "            waiter = next(iter(self.waiters))\n",
        "            waiter = [*self.waiters][0]\n",
    ),
)
