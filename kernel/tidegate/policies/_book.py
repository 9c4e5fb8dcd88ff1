# SPDX-License-Identifier: MIT
"""What a policy of time measures and counts: the waits, the pace, and what became of items and offers. See `freshness`."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from math import inf, nan
from typing import Any, Final, final

from .._forks import epoch
from .._types import sealed

BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # of the histogram


@dataclass(frozen=True, slots=True)
class FreshStatistics:
    """Tell what `tidegate.Statistics` tells, and what became of items and offers by their patience.

    expired, late: accepted items that expired, and offers answered LATE. accepted = queued + in_flight + released + abandoned +
    expired, in every reading (FRESH-2). offered = accepted + full + closed + late (POLICY-2).
    oldest_s: the age of the oldest queued item in seconds, 0 if there is none.
    sojourn: how long items had waited when they were handed out, as pairs of an upper bound in seconds and the number of items
    up to that bound and above the one before; the last bound is infinite.
    clock_faults: items whose age could not be told, as the clock ran backwards or failed (POLICY-4). They were handed out.
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
    expired: int
    late: int
    oldest_s: float
    sojourn: tuple[tuple[float, int], ...]
    clock_faults: int

    __init_subclass__ = sealed


@final
class Book:
    """Hold what was measured and counted in one process, in fixed memory (FRESH-4). After a fork the child begins a new one.

    owed: notes of items whose expiry was interrupted before they were told, by a serial number.
    interval: when it began, and how many items had been handed out. ends: when it does. pace: from when and until when it holds,
    and the seconds that the workers take per item.
    """

    __slots__ = ("ends", "epoch", "expired", "faults", "heirs", "interval", "late", "owed", "pace", "serial", "waits")

    def __init__(self) -> None:
        self.epoch: Final = epoch()
        self.heirs: Final[list[Book]] = []
        self.expired, self.late, self.faults, self.serial = count(), count(), count(), count()
        self.waits: Final = tuple([count() for _ in range(len(BOUNDS_S) + 1)])
        self.owed: Final[dict[int, dict[int, Any]]] = {}
        self.interval: tuple[float, int] = (nan, 0)
        self.ends = -inf
        self.pace: tuple[float, float, float] | None = None

    def end_interval(self, at: float, now: float, interval_s: float) -> None:
        """End an interval with an item that was offered at `at`, and tell the pace if a queue stood all along (FRESH-3)."""
        begun, before = self.interval
        handed = sum([read(waits) for waits in self.waits])  # no map: it would take a handler's StopIteration for its end
        if at <= begun < now and handed > before:
            self.pace = now, now + 2 * interval_s, (now - begun) / (handed - before)
        else:
            self.pace = None
        self.interval = now, handed  # one store: another taker that ends the same interval has its own two figures
        self.ends = now + interval_s


def read(of: Iterator[int]) -> int:
    return int(repr(of)[6:-1])  # as in `Slots.statistics`
