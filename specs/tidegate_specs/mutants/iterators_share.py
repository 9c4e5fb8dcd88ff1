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
        ("        seen: list[bool] = []  # of the lease given last; the lease itself is not kept\n"),
        ("        shared = self._slots.given\n"),
    ),
    Patch(
        "_intake.py",
        ("            nonlocal seen\n            slots = self._slots\n"),
        ("            slots, seen = self._slots, shared[-1]\n"),
    ),
    Patch(
        "_intake.py",
        ("            seen = lease._seen\n"),
        ("            shared[:] = [lease._seen]\n"),
    ),
    Patch(
        "_slots.py",
        ("        self.answered_full, self.answered_closed = count(), count()\n"),
        ("        self.answered_full, self.answered_closed = count(), count()\n        self.given: list[list[bool]] = [[]]\n"),
    ),
)
