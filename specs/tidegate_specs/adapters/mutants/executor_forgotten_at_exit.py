"""Workers are daemons: the interpreter waits for none of them, works accepted never run.

Breaks: EXECUTOR-3
Killed by: adapters.executor_exit
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_exit",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        "name=name, daemon=False)",
        "name=name, daemon=True)",
    ),
)
