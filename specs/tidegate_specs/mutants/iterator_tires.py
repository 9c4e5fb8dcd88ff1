"""An iterator ends after 5,000 leases, as if the intake were closed.

Breaks: LOCAL-1, CLOSE-2
Killed by: sizes.iterators
"""

from . import Patch

BREAKS = ("LOCAL-1", "CLOSE-2")
KILLED_BY = ("sizes.iterators",)
PATCHES = (
    Patch(
        "_intake.py",
        "        return iter(following, NO_LEASE)",
        "        from itertools import islice\n\n        return islice(iter(following, NO_LEASE), 5000)",
    ),
)
