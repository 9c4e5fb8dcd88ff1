"""A cancelled work keeps its slot and its place until a worker gets to it, as in `ThreadPoolExecutor`.

Breaks: EXECUTOR-1, EXECUTOR-2
Killed by: adapters.executor_model, adapters.executor_hung
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-1", "EXECUTOR-2")
KILLED_BY = ("adapters.executor_model", "adapters.executor_hung")
PATCHES = (
    Patch(
        "adapters/_works.py",
        ("        self.leave()\n        super().cancel()\n"),
        ("        self.line.waiting.append(self)\n        super().cancel()\n"),
    ),
    Patch(
        "adapters/_works.py",
        ("            if owner is me:\n                failure"),
        ("            if owner is not me:\n                work.leave()\n            else:\n                failure"),
    ),
)
