"""A drain waits for an hour at most, whatever its time-out.

Breaks: CLOSE-2
Killed by: sizes.time_outs
"""

from . import Patch

BREAKS = ("CLOSE-2",)
KILLED_BY = ("sizes.time_outs",)
PATCHES = (
    Patch(
        "_intake.py",
        "remaining, deadline = (None, 0.0) if timeout is None else _checked_timeout(timeout)\n        self.close()",
        "remaining, deadline = (None, 0.0) if timeout is None else _checked_timeout(min(timeout, 3600))\n        self.close()",
    ),
)
