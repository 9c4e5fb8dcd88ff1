"""A taker that hears the bell does not ask whether the intake is closed: after a fork inside its wait, an open one looks exhausted.

Breaks: FORK-1
Killed by: sweeps.fork
"""

from . import Patch

BREAKS = ("FORK-1",)
KILLED_BY = ("sweeps.fork",)
PATCHES = (
    Patch(
        "_slots.py",
        ("        if not self.closed:\n            return False\n        settled"),
        "        settled",
    ),
)
