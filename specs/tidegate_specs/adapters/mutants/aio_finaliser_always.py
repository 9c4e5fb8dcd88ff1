"""The death of a lease that was released runs bytecode, where the interpreter drops exceptions.

Breaks: ASYNC-3
Killed by: adapters.aio_sweep
"""

from ...mutants import Patch

BREAKS = ("ASYNC-3",)
KILLED_BY = ("adapters.aio_sweep",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "            self._held[0] = NO_LEASE\n            self.__del__ = nothing\n",
        "            self._held[0] = NO_LEASE\n            self.__del__ = self._intake._ring\n",
    ),
)
