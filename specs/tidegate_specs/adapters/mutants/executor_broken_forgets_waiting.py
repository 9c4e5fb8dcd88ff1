"""When an initializer fails, its worker just ends: works that wait never do.

Breaks: EXECUTOR-3
Killed by: adapters.executor_model
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_model",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        (
            "                line.broken = error  # before it closes: who is refused for that then knows why\n"
            "                line.close()\n"
        ),
        ("                line.broken = error\n                return\n"),
    ),
)
