"""A work runs although it has waited for longer than its patience: until it has waited twice as long.

Breaks: EXECUTOR-4
Killed by: adapters.executor_expiry
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-4",)
KILLED_BY = ("adapters.executor_expiry",)
PATCHES = (
    Patch(
        "adapters/_patience.py",
        "return age if age > self.patience_s",
        "return age if age > 2 * self.patience_s",
    ),
)
