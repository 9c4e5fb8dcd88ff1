"""The listener keeps the lease until it is done, and an exception in between leaves it there: its slot is lost.

Breaks: LOG-1
Killed by: adapters.log_interrupt
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_interrupt",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "        with lease as record:\n            self._loop.run(record, partial(guard, partial(self.handle, record)))\n",
        "        self._current = lease\n        guard(partial(self.handle, lease.item))\n        lease.release()\n",
    ),
)
