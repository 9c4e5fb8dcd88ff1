"""Each rejection leaves an entry in a list that nobody empties.

Breaks: MEMORY-1, STABLE-1
Killed by: scenarios.30
"""

from . import Patch

BREAKS = ("MEMORY-1", "STABLE-1")
KILLED_BY = ("scenarios.30",)
PATCHES = (
    Patch(
        "_intake.py",
        "YIELD_EVERY: Final = 24",
        ("REFUSED: Final[list[float]] = []\nYIELD_EVERY: Final = 24"),
    ),
    Patch(
        "_intake.py",
        "            outcome, rejections = FULL, next(slots.answered_full)\n",
        ("            outcome, rejections = FULL, next(slots.answered_full)\n            REFUSED.append(monotonic())\n"),
    ),
)
