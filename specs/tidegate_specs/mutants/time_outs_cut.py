"""Time-outs above an hour are cut to an hour: a take is told Empty before its time.

Breaks: LOCAL-1, CLOSE-2
Killed by: sizes.time_outs
"""

from . import Patch

BREAKS = ("LOCAL-1", "CLOSE-2")
KILLED_BY = ("sizes.time_outs",)
PATCHES = (
    Patch(
        "_intake.py",
        "float(min(timeout, TIMEOUT_MAX))",
        "float(min(timeout, 3600))",
    ),
)
