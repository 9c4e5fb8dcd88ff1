"""The count of FULL answers is read in one step and written in another: of two rejections at the same time one is not counted.

Breaks: LEDGER-1
Killed by: explore.offers-3-take-1
Within: 100 schedules of explore.offers-3-take-1
"""

from . import Patch

BREAKS = ("LEDGER-1",)
KILLED_BY = ("explore.offers-3-take-1",)
WITHIN = {"explore.offers-3-take-1": 100}
PATCHES = (
    Patch(
        "_slots.py",
        "self.answered_full, self.answered_closed = count(), count()",
        "self.answers, self.answered_closed = dict[str, int](), count()",
    ),
    Patch(
        "_slots.py",
        "full, closed = [int(repr(answers)[6:-1]) for answers in (self.answered_full, self.answered_closed)]",
        'full, closed = self.answers.get("FULL", 0), int(repr(self.answered_closed)[6:-1])',
    ),
    Patch(
        "_intake.py",
        "            outcome, rejections = FULL, next(slots.answered_full)",
        ('            outcome = FULL\n            rejections = slots.answers["FULL"] = slots.answers.get("FULL", 0) + 1'),
    ),
)
