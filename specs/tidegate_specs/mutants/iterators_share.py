"""All iterators over an intake share one note of the lease given last: asking one is a look at what another gave.

Breaks: LEASE-1
Killed by: sizes.iterators
"""

from . import Patch

BREAKS = ("LEASE-1",)
KILLED_BY = ("sizes.iterators",)
PATCHES = (
    Patch(
        "_intake.py",
        "        last: list[Mark] = [[]]",
        "        last: list[Mark] = self._slots.given",
    ),
    Patch(
        "_slots.py",
        ("        self.answered_full, self.answered_closed = count(), count()\n"),
        ("        self.answered_full, self.answered_closed = count(), count()\n        self.given: list[Mark] = [[]]\n"),
    ),
)
