"""A StopIteration that a signal handler raises in the estimate is taken for its end.

Breaks: FRESH-2
Killed by: policies.wall_kinds
"""

from ...mutants import Patch

BREAKS = ("FRESH-2",)
KILLED_BY = ("policies.wall_kinds",)
PATCHES = (
    Patch(
        "policies/_book.py",
        "sum([read(waits) for waits in self.waits])",
        "sum(map(read, self.waits))",
    ),
)
