"""A pace counts although no queue stood for the interval.

Breaks: FRESH-3
Killed by: policies.bursts
"""

from ...mutants import Patch

BREAKS = ("FRESH-3",)
KILLED_BY = ("policies.bursts",)
PATCHES = (
    Patch(
        "policies/_book.py",
        "if at <= begun < now and handed > before:",
        "if begun < now and handed > before:",
    ),
)
