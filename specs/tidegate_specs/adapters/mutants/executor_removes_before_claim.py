"""A worker takes a work out of the line in one step, as a queue gives it: interrupted just then, nobody has it.

Breaks: EXECUTOR-3
Killed by: adapters.executor_sweep
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_sweep",)
PATCHES = (
    Patch("adapters/_works.py", "                work = self.waiting[0]\n", "                work = self.waiting.popleft()\n"),
)
