"""A record's slot comes home when it is taken, as a queue's does: the one being written is one more than the capacity.

Breaks: LOG-1
Killed by: adapters.log_model
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_model",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "        with lease as record:\n            self._loop.run(record, partial(guard, partial(self.handle, record)))\n",
        (
            "        record = lease.item\n"
            "        lease.release()\n"
            "        if True:\n"
            "            self._loop.run(record, partial(guard, partial(self.handle, record)))\n"
        ),
    ),
)
