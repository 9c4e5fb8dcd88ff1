"""A pace counts for ever.

Breaks: POLICY-5, FRESH-3
Killed by: policies.clock_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-5", "FRESH-3")
KILLED_BY = ("policies.clock_lockstep",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "if pace is None or not queued or not pace[0] <= now < pace[1]:",
        "if pace is None or not queued:",
    ),
)
