"""Looking at the item leaves no mark: a lease dropped by a worker that had begun puts the item back, and it is worked on twice.

Breaks: LEASE-1, LOCAL-1
Killed by: scenarios.03, stateful.enumeration
"""

from . import Patch

BREAKS = ("LEASE-1", "LOCAL-1")
KILLED_BY = ("scenarios.03", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        ("                self._mark[1] = True\n            except"),
        ("                _ = self._mark[1]\n            except"),
    ),
)
