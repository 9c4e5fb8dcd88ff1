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
        "self.answered_closed: Final = count()",
        "self.answers: Final[dict[str, int]] = {}",
    ),
    Patch(
        "_slots.py",
        "closed=value_of(self.answered_closed)",
        'closed=self.answers.get("CLOSED", 0)',
    ),
    Patch(
        "_intake.py",
        "rejections = next(slots.answered_closed)",
        'rejections = slots.answers["CLOSED"] = slots.answers.get("CLOSED", 0) + 1',
    ),
)
