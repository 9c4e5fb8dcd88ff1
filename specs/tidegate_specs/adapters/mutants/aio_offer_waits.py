"""An offer waits until the loop has heard of it, as with `run_coroutine_threadsafe(...).result()`.

Breaks: ASYNC-1
Killed by: adapters.aio_wakeups
"""

from ...mutants import Patch

BREAKS = ("ASYNC-1",)
KILLED_BY = ("adapters.aio_wakeups",)
PATCHES = (
    Patch(
        "adapters/aio.py",
        "            if outcome is not Outcome.FULL and self._stations:\n                self._ring()\n",
        (
            "            if outcome is not Outcome.FULL and self._stations:\n"
            "                self._ring()\n"
            "                for station in self._stations.copy().values():\n"
            '                    told = __import__("threading").Event()\n'
            "                    station.post(told.set)\n"
            "                    told.wait()\n"
        ),
    ),
)
