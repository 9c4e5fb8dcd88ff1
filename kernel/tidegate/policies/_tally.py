# SPDX-License-Identifier: MIT
"""What an admission counts, and how it is told: for each class, and for all. See `admission`."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import count
from math import inf
from typing import Any, Final, TypeVar, final

from .._types import sealed
from ._book import BOUNDS_S, read

BOUNDS_NS: Final = tuple([round(bound * 1e9) for bound in BOUNDS_S])
Histogram = tuple[tuple[float, int], ...]
Told = TypeVar("Told", "ClassStatistics", "AdmissionStatistics")


@final
class Tally:
    """Count for one class, in fixed memory (CLASS-3)."""

    __slots__ = ("accepted", "closed", "full", "number", "shed_class", "shed_limit", "waits")

    def __init__(self, number: int) -> None:
        self.number: Final = number
        self.accepted, self.full, self.closed, self.shed_limit, self.shed_class = count(), count(), count(), count(), count()
        self.waits: Final[tuple[Iterator[int], ...]] = tuple([count() for _ in range(len(BOUNDS_NS) + 1)])


@dataclass(frozen=True, slots=True)
class ClassStatistics:
    """Tell of one class: its threshold now, calls by answer, and how many are in progress.

    accepted, full, closed, shed_limit, shed_class: calls by answer. Their sum is the number of its calls that were answered, but
    where everybody is let in to observe: there those that would have been refused are counted under their reason alone.
    sojourn: how long those were inside that ended well, as pairs of an upper bound in seconds and the number up to that bound and
    above the one before; the last bound is infinite.
    """

    label: str
    threshold: int
    accepted: int
    full: int
    closed: int
    shed_limit: int
    shed_class: int
    in_progress: int
    sojourn: Histogram

    __init_subclass__ = sealed

    @property
    def refused(self) -> int:
        """The number of its calls that were refused, for whatever reason, or would have been."""
        return self.full + self.closed + self.shed_limit + self.shed_class

    def since(self, before: "ClassStatistics") -> "ClassStatistics":
        """Give what was counted since another reading. ValueError if that is no earlier one."""
        pairs = zip(self.sojourn, before.sojourn, strict=True)
        return replace(_less(self, before), sojourn=tuple([(bound, number - then) for (bound, number), (_, then) in pairs]))


@dataclass(frozen=True, slots=True)
class AdmissionStatistics:
    """Tell what the bulkhead tells (`tidegate.Statistics`), the limit, and the refusals by reason and class (POLICY-2).

    limit: now. shed_limit, shed_class: calls answered `Shed.LIMIT` and `Shed.CLASS`. offered = accepted + full + closed +
    shed_limit + shed_class; where everybody is let in to observe, those that would have been refused are among the accepted, too.
    unknown: calls with no label or one that is no class's, which were of the default class (CLASS-3). faults: exceptions of a clock
    or a limit that is not of this package, and clocks that ran backwards (POLICY-4). observing: nobody is refused by the policy.
    lasted_s: how many seconds the counts are of: all since it was made, or those since another reading.
    """

    capacity: int
    free: int
    queued: int
    in_flight: int
    accepted: int
    full: int
    closed: int
    released: int
    abandoned: int
    peak: int
    limit: int
    shed_limit: int
    shed_class: int
    unknown: int
    faults: int
    observing: bool
    lasted_s: float
    classes: tuple[ClassStatistics, ...]

    __init_subclass__ = sealed

    def since(self, before: "AdmissionStatistics") -> "AdmissionStatistics":
        """Give what was counted since another reading of the same admission, and what is now: for rates, divide by `lasted_s`.

        ValueError if the other one is no earlier reading: of another admission, or of another process (counts begin anew in the
        child of a fork).
        """
        if [each.label for each in self.classes] != [each.label for each in before.classes]:
            raise ValueError("the two readings are of admissions with other classes")
        classes = tuple([now.since(then) for now, then in zip(self.classes, before.classes, strict=True)])
        return replace(_less(self, before), classes=classes)


_COUNTS: Final = frozenset(
    "accepted full closed released abandoned shed_limit shed_class unknown faults lasted_s".split()  # gauges are as they are now
)


def _less(now: Told, before: Told) -> Told:
    names = [field.name for field in fields(now) if field.name in _COUNTS]
    changed: dict[str, Any] = {name: getattr(now, name) - getattr(before, name) for name in names}
    if min(changed.values()) < 0:
        raise ValueError("that reading is no earlier one of the same admission, in this process")
    return replace(now, **changed)


def told(label: str, threshold: int, tally: Tally, in_progress: int) -> ClassStatistics:
    """Read the counts of one class."""
    return ClassStatistics(
        label,
        threshold,
        *(read(tally.accepted), read(tally.full), read(tally.closed), read(tally.shed_limit), read(tally.shed_class)),
        in_progress,
        tuple([(bound, read(waits)) for bound, waits in zip((*BOUNDS_S, inf), tally.waits, strict=True)]),
    )
