"""The queues that are compared, each behind the same two calls."""

import queue
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import tidegate
from tidegate.policies.freshness import FreshIntake

from .case import FRESH, PATIENCE_S, PLAIN, WORKERS
from .codel import CoDel

Clock = Callable[[], float]
Taken = tuple[int, Callable[[], object]]  # a number, and what gives its place back


@dataclass(frozen=True, slots=True)
class Door:
    """Say how one queue is used. take: with a time-out in seconds; None if nothing came. It is None if there are own workers."""

    offer: Callable[[int], object]
    take: Callable[[float], Taken | None] | None
    shut: Callable[[], object] = field(default=lambda: None)


Maker = Callable[[int, Clock, Callable[[int], None]], Door]  # from the capacity, the clock, and what own workers call


def _plain(capacity: int, _clock: Clock, _serve: object) -> Door:
    intake: tidegate.Intake[int] = tidegate.Intake(capacity)

    def take(timeout: float) -> Taken | None:
        try:
            lease = intake.take(timeout)
        except tidegate.Empty:
            return None
        return lease.item, lease.release

    return Door(intake.offer, take)


def fresh(capacity: int, clock: Clock, _serve: object, patience_s: float = PATIENCE_S) -> Door:
    """Make the door of an intake with patience."""
    intake: FreshIntake[int] = FreshIntake(capacity, patience_s, clock=None if clock is time.monotonic else clock)

    def take(timeout: float) -> Taken | None:
        try:
            lease = intake.take(timeout)
        except tidegate.Empty:
            return None
        return lease.item, lease.release

    return Door(intake.offer, take)


def _queue(capacity: int, _clock: Clock, _serve: object) -> Door:
    made: queue.Queue[int] = queue.Queue(capacity)

    def offer(item: int) -> bool:
        try:
            made.put_nowait(item)
        except queue.Full:
            return False
        return True

    def take(timeout: float) -> Taken | None:
        try:
            return made.get(timeout=timeout), made.task_done
        except queue.Empty:
            return None

    return Door(offer, take)


def _codel(capacity: int, clock: Clock, _serve: object) -> Door:
    made = CoDel(capacity, clock, wait=clock is time.monotonic)

    def take(timeout: float) -> Taken | None:
        item = made.take(timeout)
        return None if item is None else (item, int)

    return Door(made.offer, take)


def _pool(_capacity: int, _clock: Clock, serve: Callable[[int], None]) -> Door:
    executor = ThreadPoolExecutor(WORKERS)
    return Door(lambda item: executor.submit(serve, item), None, lambda: executor.shutdown(wait=False, cancel_futures=True))


POOL: Final = "ThreadPoolExecutor"
DOORS: Final[Mapping[str, Maker]] = {
    FRESH: fresh,
    PLAIN: _plain,
    "queue.Queue(maxsize)": _queue,
    "CoDel": _codel,
    POOL: _pool,
}
