"""A StopIteration out of `on_expired` is taken for the end of the telling.

Breaks: FRESH-1
Killed by: policies.expiry_raising
"""

from ...mutants import Patch

BREAKS = ("FRESH-1",)
KILLED_BY = ("policies.expiry_raising",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "        if alone:\n            raise",
        "        if not alone:\n            raise",
    ),
)
