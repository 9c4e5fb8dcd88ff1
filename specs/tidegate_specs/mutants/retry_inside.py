"""A rejected item is kept, and accepted on the sly by the next release.

Breaks: NORETRY-1
Killed by: scenarios.13, stateful.enumeration
"""

from . import Patch

BREAKS = ("NORETRY-1",)
KILLED_BY = ("scenarios.13", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        "YIELD_EVERY: Final = 24",
        ("REFUSED: Final[dict[int, Any]] = {}\nYIELD_EVERY: Final = 24"),
    ),
    Patch(
        "_intake.py",
        "            outcome, rejections = FULL, next(slots.answered_full)\n",
        ("            outcome, rejections = FULL, next(slots.answered_full)\n            REFUSED[id(slots)] = item\n"),
    ),
    Patch(
        "_intake.py",
        "            slots.turns[index] = mark[0] + 1  # ours alone to write: we own the slot\n",
        (
            "            slots.turns[index] = mark[0] + 1  # ours alone to write: we own the slot\n"
            "            if id(slots) in REFUSED and not slots.closed:\n"
            "                slots.items[index] = REFUSED.pop(id(slots))\n"
            "                slots.publish(held)\n"
            "                return True\n"
        ),
    ),
)
