"""Works run in their worker's context: what one leaves there, such as the user's name, is the next one's.

Breaks: EXECUTOR-3
Killed by: adapters.executor_model
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-3",)
KILLED_BY = ("adapters.executor_model",)
PATCHES = (
    Patch(
        "adapters/executor.py",
        "partial(copy_context().run, call)",
        "call",
    ),
)
