"""At exit works are waited for, but the executor stays open: its workers never end, nor does the process.

Breaks: EXECUTOR-3
Killed by: adapters.executor_exit
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_exit",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        ("set(_workers.values()):\n        line.close()\n    for thread"),
        ("set(_workers.values()):\n        line.ring()\n    for thread"),
    ),
    Patch(
        "adapters/executor.py",
        "        weakref.finalize(self, line.close)\n",
        "        weakref.finalize(self, line.close).atexit = False\n",
    ),
)
