"""Unknown labels are remembered.

Breaks: CLASS-3
Killed by: policies.seats_refusals
"""

from ...mutants import Patch

BREAKS = ("CLASS-3",)
KILLED_BY = ("policies.seats_refusals",)
PATCHES = (
    Patch(
        "policies/_seats.py",
        ("            next(self.unknown)\n        return self.doors[self._classes.default]\n"),
        (
            "            next(self.unknown)\n"
            "            self.doors[label] = self.doors[self._classes.default]\n"
            "        return self.doors[self._classes.default]\n"
        ),
    ),
)
