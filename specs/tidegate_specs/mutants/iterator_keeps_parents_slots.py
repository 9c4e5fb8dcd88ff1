"""An iterator goes on with the slots that it was made with: after a fork it looks where nothing comes.

Breaks: FORK-1
Killed by: sizes.forks
"""

from . import Patch

BREAKS = ("FORK-1",)
KILLED_BY = ("sizes.forks",)
PATCHES = (
    Patch(
        "_intake.py",
        "        last: list[Mark] = [[]]",
        ("        made_with = self._slots\n        last: list[Mark] = [[]]"),
    ),
    Patch(
        "_intake.py",
        ("                lease = self.take(FOREVER)\n"),
        (
            "                if made_with is not self._here():\n"
            "                    return NO_LEASE\n"
            "                lease = self.take(FOREVER)\n"
        ),
    ),
)
