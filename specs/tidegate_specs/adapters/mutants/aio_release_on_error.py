"""A taker that is interrupted releases what it has taken, looked at or not: an item that nobody had is finished.

Breaks: ASYNC-3
Killed by: adapters.aio_sweep
"""

from ...mutants import Patch

BREAKS = ("ASYNC-3",)
KILLED_BY = ("adapters.aio_sweep",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "            self._held[0] = NO_LEASE\n            self.__del__ = self._intake._ring  #",
        "            self.release()  #",
    ),
)
