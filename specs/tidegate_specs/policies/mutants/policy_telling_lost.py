"""An interruption between the release and the telling loses the telling.

Breaks: FRESH-1
Killed by: policies.expiry_interrupted
"""

from ...mutants import Patch

BREAKS = ("FRESH-1",)
KILLED_BY = ("policies.expiry_interrupted",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "                book.owed[next(book.serial)] = note\n",
        "",
    ),
)
