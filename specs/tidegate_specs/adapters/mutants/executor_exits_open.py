"""At exit nobody closes the executors: their workers never end, nor does the process.

Breaks: EXECUTOR-3
Killed by: adapters.executor_exit
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_exit",)
PATCHES = (
    Patch(
        "adapters/_exit.py",
        "        for end in list(self.executors.values()):\n            end()\n",
        "",
    ),
)
