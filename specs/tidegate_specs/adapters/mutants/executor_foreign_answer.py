"""Whether a work was in the line is told by `suppress`, around a call: a ValueError from a signal handler vanishes.

Breaks: EXECUTOR-3
Killed by: adapters.executor_sweep
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_sweep",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        "        try:  # noqa: SIM105\n            del self[work]\n        except ValueError:\n            pass\n",
        "        with suppress(ValueError):\n            self.remove(work)\n",
    ),
    Patch(
        "adapters/_works.py",
        "from concurrent.futures.thread import BrokenThreadPool\n",
        "from concurrent.futures.thread import BrokenThreadPool\nfrom contextlib import suppress\n",
    ),
)
