"""A look at an item reads it after the check that the lease is held: released in between by another thread, it is another offer's.

Breaks: LOCAL-1
Killed by: explore.look-release-offer, explore.look-look-release
Within: 30 schedules of explore.look-release-offer, 30 schedules of explore.look-look-release
"""

from . import Patch

BREAKS = ("LOCAL-1",)
KILLED_BY = ("explore.look-release-offer", "explore.look-look-release")
WITHIN = {"explore.look-release-offer": 30, "explore.look-look-release": 30}
PATCHES = (
    Patch(
        "_intake.py",
        ("        item: T = self._slots.items[self._index]\n        try:\n"),
        ("        try:\n"),
    ),
    Patch(
        "_intake.py",
        ("        return item\n\n    def __enter__"),
        ("        len(self._mark)\n        return self._slots.items[self._index]\n\n    def __enter__"),
    ),
)
