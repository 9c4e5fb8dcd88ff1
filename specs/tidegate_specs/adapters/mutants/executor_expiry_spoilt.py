"""A work that has expired and is counted so fails by an exception that arrives in its worker.

Breaks: EXECUTOR-4
Killed by: adapters.executor_expiry_sweep
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-4",)
KILLED_BY = ("adapters.executor_expiry_sweep",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        "work.fail(expired or error)",
        "work.fail(error)",
    ),
)
