"""Run a case on a clock that jumps from event to event: the same answers on every machine, and in no time.

It uses the queues themselves. Only time is made up: an offer, a take and the thread that wakes for it cost none.
"""

import heapq
from itertools import count

from .case import LIMIT_S, OFFERED_PER_S, WORKERS, Case, Result
from .doors import DOORS, Maker, Taken


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def simulate(case: Case, subject: str, maker: Maker | None = None) -> Result:
    """Run a case on a queue without workers of its own: one of `DOORS`, or what `maker` makes."""
    clock = _Clock()
    door = (maker or DOORS[subject])(case.capacity, clock, _no_worker)
    if door.take is None:
        raise ValueError(f"{subject} has workers of its own, whose clock is the real one")
    order, idle, good, finished, offered = count(), WORKERS, 0, 0, 0
    ends: list[tuple[float, int, Taken, float]] = []  # of services: when, its order, what, and when it was due
    due: dict[int, float] = {}
    while (arrival_s := offered / OFFERED_PER_S) < case.seconds:
        if ends and ends[0][0] <= arrival_s:
            clock.now, _, (_, finish), due_s = heapq.heappop(ends)
            finish()
            finished, good, idle = finished + 1, good + (clock.now - due_s <= LIMIT_S), idle + 1
        else:
            clock.now = arrival_s
            due[offered] = arrival_s
            door.offer(offered)
            offered += 1
        while idle and (taken := door.take(0)) is not None:
            idle -= 1
            heapq.heappush(ends, (clock.now + case.service_s(clock.now), next(order), taken, due[taken[0]]))
    return Result(case, subject, good / case.possible(), good, finished, offered, 1.0, 0.0)


def _no_worker(_item: int) -> None:
    raise NotImplementedError
