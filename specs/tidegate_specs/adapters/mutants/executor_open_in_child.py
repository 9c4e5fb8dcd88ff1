"""The child of a fork accepts works for an executor whose workers are not there.

Breaks: EXECUTOR-3
Killed by: adapters.executor_exit
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_exit",)
PATCHES = (
    Patch(
        "adapters/executor.py",
        "            if line.epoch:\n                line.close()",
        "            if False:\n                pass",
    ),
    Patch("adapters/executor.py", "            if line.epoch:  # a fork", "            if False:  # a fork"),
)
