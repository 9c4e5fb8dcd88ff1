"""The count of CLOSED answers is read in one step and written in another: of two rejections at the same time one is not counted.

Breaks: LEDGER-1
Killed by: explore.close-offers-take
Within: 1000 schedules of explore.close-offers-take
"""

from . import Patch

BREAKS = ("LEDGER-1",)
KILLED_BY = ("explore.close-offers-take",)
WITHIN = {"explore.close-offers-take": 1000}
PATCHES = (
    Patch(
        "_slots.py",
        "self.answered_full, self.answered_closed = count(), count()",
        "self.answers, self.answered_full = dict[str, int](), count()",
    ),
    Patch(
        "_slots.py",
        "full, closed = [int(repr(answers)[6:-1]) for answers in (self.answered_full, self.answered_closed)]",
        'full, closed = int(repr(self.answered_full)[6:-1]), self.answers.get("CLOSED", 0)',
    ),
    Patch(
        "_intake.py",
        "            outcome, rejections = CLOSED, next(slots.answered_closed)",
        ('            outcome = CLOSED\n            rejections = slots.answers["CLOSED"] = slots.answers.get("CLOSED", 0) + 1'),
    ),
)
