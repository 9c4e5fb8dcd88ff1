"""A worker that takes a work does not wake the next one: of two works that come together, one waits for the other.

Breaks: EXECUTOR-3
Killed by: adapters.executor_sweep
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_sweep",)
PATCHES = (Patch("adapters/_works.py", ("            if self.waiting:\n                self.ring()\n"), ""),)
