"""What was measured is kept although the queue is gone, and meets the next burst.

Breaks: FRESH-3
Killed by: policies.bursts, policies.clock_lockstep
"""

from ...mutants import Patch

BREAKS = ("FRESH-3",)
KILLED_BY = ("policies.bursts", "policies.clock_lockstep")
PATCHES = (
    Patch(
        "policies/freshness.py",
        "if pace is None or not queued or not pace[0] <= now < pace[1]:",
        "if pace is None or not pace[0] <= now < pace[1]:",
    ),
)
