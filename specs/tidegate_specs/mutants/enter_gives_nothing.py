"""A `with` gives None, and not the item: the method that stands in the class for type checkers is never replaced.

Breaks: LOCAL-1, LEASE-1
Killed by: scenarios.20
"""

from . import Patch

BREAKS = ("LOCAL-1", "LEASE-1")
KILLED_BY = ("scenarios.20",)
PATCHES = (
    Patch(
        "_intake.py",
        "Lease.__enter__ = Lease.item.fget",
        "_ = Lease.item",
    ),
)
