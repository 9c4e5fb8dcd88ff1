"""Asking an iterator for the next lease is no look at the one before: a loop over a closed intake waits for its own lease.

Breaks: LEASE-1, CLOSE-2
Killed by: explore.list-close, stateful.lockstep
Within: 20 schedules of explore.list-close
"""

from . import Patch

BREAKS = ("LEASE-1", "CLOSE-2")
KILLED_BY = ("explore.list-close", "stateful.lockstep")
WITHIN = {"explore.list-close": 20}
PATCHES = (
    Patch(
        "_intake.py",
        "            last[0] = [] if lease is NO_LEASE else lease._mark\n",
        "",
    ),
)
