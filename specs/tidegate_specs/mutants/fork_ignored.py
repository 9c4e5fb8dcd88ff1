"""Nothing happens after a fork: the child's intake holds the parent's work and its dead threads' slots.

Breaks: FORK-1
Killed by: scenarios.19, sweeps.fork
"""

from . import Patch

BREAKS = ("FORK-1",)
KILLED_BY = ("scenarios.19", "sweeps.fork")
PATCHES = (
    Patch(
        "_forks.py",
        'if hasattr(os, "register_at_fork"):',
        "if not os:",
    ),
)
