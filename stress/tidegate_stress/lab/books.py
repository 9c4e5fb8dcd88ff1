"""What each producer and each worker of a drive saw, and the constants of a drive."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .histogram import Histogram

clock: Final = time.perf_counter_ns
TICK_S: Final = 0.001  # a producer sleeps at least this long, then offers all that is due
READING_S: Final = 0.05
LATENESS_S: Final = 0.005
AFTER_S: Final = 5.0  # the most to wait for what is left, once the load is gone
RETRY_BIN_NS: Final = 10_000_000
LIFE_S: Final = 0.1  # of a producer's thread, under producer churn
GRACE_S: Final = 5.0
RUNAWAY_BYTES: Final = 1 << 29
CRASH_EVERY: Final = 25  # items
STALL: Final = (0.3, 0.6)  # of the load, in which a stalled worker stays with one item
SLOW: Final = (1 / 3, 2 / 3)  # of the load, in which slow workers take twice as long
REFUSED: Final = object()
Emit = Callable[[Mapping[str, object]], None]


class WorkerCrash(Exception):
    """Raised by the work of a crashing worker."""


class Clerk:
    """Keep what one producer saw. Its items are the numbers from `base` on: the next one is used when the last one was let in."""

    __slots__ = (
        "accepted",
        "accepted_calls",
        "base",
        "call_ns",
        "cores_ns",
        "end",
        "ended",
        "place",
        "rejected",
        "rejected_calls",
        "responses",
        "retried",
        "timed_out",
    )

    def __init__(self, base: int, length: int) -> None:
        self.base: Final = base
        self.place = base
        self.end: Final = base + length
        self.accepted = self.rejected = self.retried = self.timed_out = self.call_ns = self.cores_ns = 0
        self.accepted_calls: Final = Histogram()
        self.rejected_calls: Final = Histogram()
        self.responses: Final = Histogram()
        self.ended: Final = threading.Event()


class Tally:
    """Keep what one worker saw."""

    __slots__ = (
        "completions",
        "crashed",
        "finished",
        "good",
        "longest_ns",
        "slowest_ns",
        "sojourn_ns",
        "sojourns",
        "starved_ns",
        "taken",
    )

    def __init__(self) -> None:
        self.taken = self.finished = self.good = self.crashed = self.sojourn_ns = self.longest_ns = 0
        self.slowest_ns = self.starved_ns = 0
        self.sojourns: Final = Histogram()
        self.completions: Final = Histogram()


@dataclass(frozen=True, slots=True)
class Sums:
    """Add up what was seen so far."""

    at_ns: int
    offered: int
    accepted: int
    rejected: int
    retried: int
    call_ns: int
    taken: int
    finished: int
    good: int
    crashed: int
    sojourn_ns: int
