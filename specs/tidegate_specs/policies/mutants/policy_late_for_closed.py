"""A closed intake says LATE, and callers go on offering.

Breaks: POLICY-2
Killed by: policies.refusals
"""

from ...mutants import Patch

BREAKS = ("POLICY-2",)
KILLED_BY = ("policies.refusals",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "        if self._closed:\n            return False  # and the wall says CLOSED\n",
        "",
    ),
)
