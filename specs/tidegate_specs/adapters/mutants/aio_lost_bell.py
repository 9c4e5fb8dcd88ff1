"""A bell that an exception took away between the station and the loop is not replaced: the loop is never woken again.

Breaks: ASYNC-3
Killed by: adapters.aio_sweep
"""

from ...mutants import Patch

BREAKS = ("ASYNC-3",)
KILLED_BY = ("adapters.aio_sweep",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "            self.bells.append(_Bell(self))\n            self.ring()\n",
        "            pass\n",
    ),
)
