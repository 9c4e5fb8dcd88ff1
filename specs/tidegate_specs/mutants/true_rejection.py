"""Every outcome but CLOSED is true, so that `if intake.offer(item)` takes a rejection for an acceptance.

Breaks: EXPLICIT-1
Killed by: audit.imports, stateful.enumeration
"""

from . import Patch

BREAKS = ("EXPLICIT-1",)
KILLED_BY = ("audit.imports", "stateful.enumeration")
PATCHES = (
    Patch(
        "_types.py",
        "return self is Outcome.ACCEPTED",
        "return self is not Outcome.CLOSED",
    ),
)
