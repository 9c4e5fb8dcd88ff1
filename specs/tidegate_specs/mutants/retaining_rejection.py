"""The intake remembers the item that it rejected last.

Breaks: MEMORY-1, NORETRY-1
Killed by: scenarios.29
"""

from . import Patch

BREAKS = ("MEMORY-1", "NORETRY-1")
KILLED_BY = ("scenarios.29",)
PATCHES = (
    Patch(
        "_intake.py",
        "YIELD_EVERY: Final = 24",
        ("REFUSED: Final[list[Any]] = [None]\nYIELD_EVERY: Final = 24"),
    ),
    Patch(
        "_intake.py",
        "            outcome, rejections = FULL, next(slots.answered_full)\n",
        ("            outcome, rejections = FULL, next(slots.answered_full)\n            REFUSED[0] = item\n"),
    ),
)
