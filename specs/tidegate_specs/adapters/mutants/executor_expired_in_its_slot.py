"""The future of an expired work ends before its slot is free.

Breaks: EXECUTOR-2, EXECUTOR-4
Killed by: adapters.executor_expiry
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-2", "EXECUTOR-4")
KILLED_BY = ("adapters.executor_expiry",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        "                    next(self.patience.expired)\n",
        "                    next(self.patience.expired)\n                    work.set_exception(failure)\n",
    ),
)
