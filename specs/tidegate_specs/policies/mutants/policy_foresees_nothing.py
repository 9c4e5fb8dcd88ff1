"""No queue is ever found to have stood: everything is accepted, to expire inside.

Breaks: FRESH-3
Killed by: policies.loads, policies.refusals
"""

from ...mutants import Patch

BREAKS = ("FRESH-3",)
KILLED_BY = ("policies.loads", "policies.refusals")
PATCHES = (
    Patch(
        "policies/_book.py",
        "if at <= begun < now and handed > before:",
        "if at <= begun < now and handed > before + 1_000_000:",
    ),
)
