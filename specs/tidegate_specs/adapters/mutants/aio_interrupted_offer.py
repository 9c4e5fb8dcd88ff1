"""An offer that is interrupted after the kernel accepted the item wakes nobody.

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
            "                self._ring()\n"
            "        except BaseException:\n"
            "            self._ring()\n"
            "            raise\n"
            "        return outcome\n"
        ),
        "                self._ring()\n        except BaseException:\n            raise\n        return outcome\n",
    ),
)
