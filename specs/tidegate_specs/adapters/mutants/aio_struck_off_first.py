"""A waiter is struck off before it is woken: an exception in between leaves it asleep, and nobody knows of it.

Breaks: ASYNC-3
Killed by: adapters.aio_sweep
"""

from ...mutants import Patch

BREAKS = ("ASYNC-3",)
KILLED_BY = ("adapters.aio_sweep",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        (
            "            waiter.set()\n"
            "            self.leave(waiter)  # not before: an exception in between would leave it asleep and unknown\n"
        ),
        "            self.leave(waiter)\n            waiter.set()\n",
    ),
)
