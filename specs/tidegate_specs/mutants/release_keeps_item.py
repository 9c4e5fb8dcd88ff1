"""A released lease keeps a reference to its item for as long as somebody keeps the lease.

Breaks: STABLE-1
Killed by: scenarios.29
"""

from . import Patch

BREAKS = ("STABLE-1",)
KILLED_BY = ("scenarios.29",)
PATCHES = (
    Patch(
        "_intake.py",
        '__slots__ = ("_index", "_mark", "_slots", "_token")',
        '__slots__ = ("_index", "_item", "_mark", "_slots", "_token")',
    ),
    Patch(
        "_intake.py",
        ("        return item\n\n    def __enter__"),
        ("        self._item = item\n        return item\n\n    def __enter__"),
    ),
)
