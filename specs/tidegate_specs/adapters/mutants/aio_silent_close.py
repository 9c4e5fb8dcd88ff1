"""Closing wakes nobody: idle takers never hear of it.

Breaks: ASYNC-2
Killed by: adapters.aio_model
"""

from ...mutants import Patch

BREAKS = ("ASYNC-2",)
KILLED_BY = ("adapters.aio_model",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "            self._intake.close()\n            self._ring()\n",
        "            self._intake.close()\n",
    ),
)
