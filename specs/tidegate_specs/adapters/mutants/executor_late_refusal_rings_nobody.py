"""A submission that a shutdown overtakes wakes nobody: a worker that saw its slot taken waits for ever.

Breaks: EXECUTOR-3
Killed by: adapters.executor_sweep
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_sweep",)
PATCHES = (Patch("adapters/executor.py", "line.ring()  # a worker may", "pass  # a worker may"),)
