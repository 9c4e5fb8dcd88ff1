# SPDX-License-Identifier: MIT
"""Who gets in first: classes of callers, each with the share of the limit that it may fill.

    from tidegate.adapters.bulkhead import Bulkhead
    from tidegate.policies.admission import Admission
    from tidegate.policies.classes import Classes

    admission = Admission(Bulkhead(64), classes=Classes({"user": 1.0, "batch": 0.5}, default="batch"))
    lease = admission.enter("batch")      # let in while fewer than 32 are inside, of whatever class

A class is let in while fewer are inside, of all classes, than its threshold: its share of the limit, rounded down, and at least 1.
So the thresholds are nested, the highest is the limit, and what lies above the threshold of a class is kept for those above it.

At least 1, as a class that may never enter could not show that the limit is too low: a limit that only that class uses would be
stuck.

Prior art: trunk reservation in telephone networks (guard channels), and the booking limits of airlines, which are nested for the
same reason. Considered and rejected: a part of the slots for each class (what one leaves free helps nobody); a queue by priority
(it is a queue); shares that move (nobody could tell what is promised).
"""

from collections.abc import Mapping
from typing import Final, final

from .._types import sealed

__all__ = ["Classes"]

Share = int | float  # at run time an int is no float


@final
class Classes:
    """Name the classes of callers, and what share of the limit each may fill (CLASS-1, CLASS-3).

    shares: by label, each above 0 and at most 1, and at least one of them 1. default: the class of whoever has no label, or one
    that is not named here. The labels are fixed: no others are ever kept.
    Raises TypeError for a label that is no str or a share that is no number, ValueError for shares or a default that can't be.
    """

    __slots__ = ("default", "shares")

    def __init__(self, shares: Mapping[str, Share], *, default: str) -> None:
        checked = {label: _checked(label, share) for label, share in dict(shares).items()}
        if 1.0 not in checked.values():
            raise ValueError("one class must have the share 1.0: the highest threshold is the limit")
        if default not in checked:
            raise ValueError(f"the default {default!r} is none of the classes: {', '.join(checked)}")
        self.shares: Final[Mapping[str, float]] = checked
        self.default: Final = default

    __init_subclass__ = sealed

    def thresholds(self, limit: int) -> dict[str, int]:
        """Give how many may be inside when one of a class is let in, itself included, by label (CLASS-1)."""
        return {label: threshold(share, limit) for label, share in self.shares.items()}

    def __repr__(self) -> str:
        return f"Classes({dict(self.shares)!r}, default={self.default!r})"


def threshold(share: float, limit: int) -> int:
    """Give a class's threshold under a limit: monotone in both, so that thresholds are nested (CLASS-1)."""
    return max(1, min(limit, int(share * limit + 1e-9)))  # 0.29 * 100 is a little less than 29


def _checked(label: object, share: object) -> float:
    if type(label) is not str:
        raise TypeError(f"a label must be a str, not {type(label).__name__}")
    if not isinstance(share, (int, float)) or isinstance(share, bool):
        raise TypeError(f"the share of {label!r} must be a number, not {type(share).__name__}")
    if not 0 < share <= 1:  # also catches NaN
        raise ValueError(f"the share of {label!r} must be above 0 and at most 1, not {share}")
    return float(share)
