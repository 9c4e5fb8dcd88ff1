"""A lease dropped after a look is counted as abandoned only once its slot is home: statistics read in between tell it as
released.

Breaks: LEDGER-1
Killed by: explore.statistics-drop-offer
Within: 20 schedules of explore.statistics-drop-offer
"""

from . import Patch

BREAKS = ("LEDGER-1",)
KILLED_BY = ("explore.statistics-drop-offer",)
WITHIN = {"explore.statistics-drop-offer": 20}
PATCHES = (
    Patch(
        "_slots.py",
        "            _item, turn = self.items",
        ("            late = 0\n            _item, turn = self.items"),
    ),
    Patch(
        "_slots.py",
        "                    self.turns[index] = turn[0] + 1 + ABANDONED  # one store both frees the slot and counts\n",
        ("                    self.turns[index] = turn[0] + 1\n                    late = ABANDONED\n"),
    ),
    Patch(
        "_slots.py",
        "                self.restore(token)\n",
        ("                self.restore(token)\n                self.turns[index] += late\n"),
    ),
)
