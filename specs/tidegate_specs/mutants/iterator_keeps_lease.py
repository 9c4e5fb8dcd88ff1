"""An iterator keeps the lease that it gave last: dropped by its worker, that lease keeps its slot until the next one is asked for.

Breaks: LEASE-1
Killed by: stateful.lockstep, walk.replay
"""

from . import Patch

BREAKS = ("LEASE-1",)
KILLED_BY = ("stateful.lockstep", "walk.replay")
PATCHES = (
    Patch(
        "_intake.py",
        '    __slots__ = ("_intake", "_seen")\n',
        '    __slots__ = ("_intake", "_last", "_seen")\n    _last: Lease[T]\n',
    ),
    Patch(
        "_intake.py",
        "        self._seen = lease._seen\n",
        "        self._seen = lease._seen\n        self._last = lease\n",
    ),
)
