"""Each wait is kept.

Breaks: FRESH-4
Killed by: policies.memory
"""

from ...mutants import Patch

BREAKS = ("FRESH-4",)
KILLED_BY = ("policies.memory",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "                next(book.waits[bisect_left(BOUNDS_S, age)])\n",
        "                next(book.waits[bisect_left(BOUNDS_S, age)])\n                book.heirs.append([age])\n",
    ),
)
