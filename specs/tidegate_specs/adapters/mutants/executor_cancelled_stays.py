"""A cancelled work gives its slot back, but stays in the line: with hung workers the line grows without end.

Breaks: EXECUTOR-1
Killed by: adapters.executor_hung
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-1",)
KILLED_BY = ("adapters.executor_hung",)
PATCHES = (
    Patch(
        "adapters/_works.py",
        ("        self.leave()\n        super().cancel()\n"),
        ("        self.call = nothing\n        self.lease.release()\n        super().cancel()\n"),
    ),
)
