"""Nobody waits for the workers when the interpreter exits: daemon threads are cut off, works accepted never run.

Breaks: EXECUTOR-3
Killed by: adapters.executor_exit
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_exit",)
PATCHES = (Patch("adapters/_works.py", "atexit.register(_finish)\n", ""),)
