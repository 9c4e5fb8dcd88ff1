"""Run a workload in virtual time, from event to event."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil, inf
from random import Random
from statistics import median
from typing import Final

from .limiters import Limiter
from .workload import Workload, arrivals, works

NANO: Final = 1_000_000_000
EVERY_S: Final = 0.25  # the limit is noted


@dataclass(frozen=True, slots=True)
class Result:
    """Give what one run made of its load.

    good: finished within the callers' patience. goodput_per_s: of these. p50_s, p99_s: sojourns of all that was finished.
    limits: the time in seconds, and the limit then, every quarter of a second.
    """

    seconds: float
    offered: int
    refused: int
    finished: int
    good: int
    goodput_per_s: float
    p50_s: float
    p99_s: float
    limits: tuple[tuple[float, int], ...]

    def limit_between(self, since_s: float, until_s: float) -> float:
        """Give the median limit between two times: a step aside to look is not where it is."""
        between = [limit for at_s, limit in self.limits if since_s <= at_s <= until_s]
        return float(median(between))


@dataclass(slots=True)
class _Inside:
    """Hold the work that is inside. All of it goes on at one speed, so each ends when `done_s` has reached its mark."""

    workload: Workload
    now_s: float = 0.0
    done_s: float = 0.0  # how far one that has been inside from the beginning would be
    speed: float = 1.0
    ends: list[tuple[float, int, float, int]] = field(default_factory=list[tuple[float, int, float, int]])

    def next_end_s(self) -> float:
        return self.now_s + (self.ends[0][0] - self.done_s) / self.speed if self.ends else inf

    def go_on(self, to_s: float) -> None:
        self.done_s += (to_s - self.now_s) * self.speed
        self.now_s = to_s

    def changed(self) -> None:
        self.speed = self.workload.speed(len(self.ends), self.workload.at_once(self.now_s))


def simulate(workload: Workload, limiter: Limiter, seconds: float, seed: int) -> Result:
    """Run a workload for so many seconds of virtual time. The same seed brings the same work at the same times."""
    coming = arrivals(workload, Random(f"{seed} arrivals"))
    return _run(_Inside(workload), limiter, seconds, coming, works(workload, Random(f"{seed} service")))


def _run(inside: _Inside, limiter: Limiter, seconds: float, coming: Iterator[float], work: Callable[[], float]) -> Result:
    workload, ends = inside.workload, inside.ends
    offered = refused = good = 0
    sojourns: list[float] = []
    limits: list[tuple[float, int]] = []
    arrival_s = next(coming)
    while True:
        end_s = inside.next_end_s()
        if min(arrival_s, end_s) > seconds:
            break
        if end_s <= arrival_s:
            inside.go_on(end_s)
            _, _, entered_s, in_progress = heappop(ends)
            inside.changed()
            sojourns.append(end_s - entered_s)
            good += end_s - entered_s <= workload.patience_s
            limiter.sample(int(entered_s * NANO), int(end_s * NANO), in_progress)
            continue
        offered += 1
        takes_s = work()  # drawn for the refused, too, so that every limiter is offered the same
        if len(ends) < min(limiter.now, workload.capacity):
            inside.go_on(arrival_s)
            marked_s = inside.done_s + takes_s * workload.factor(arrival_s)
            heappush(ends, (marked_s, offered, arrival_s, len(ends) + 1))
            inside.changed()
        else:
            refused += 1
        if arrival_s >= len(limits) * EVERY_S:
            limits.append((arrival_s, limiter.now))
        arrival_s = next(coming)
    sojourns.sort()
    return Result(
        *(seconds, offered, refused, len(sojourns), good, good / seconds),
        *(_quantile(sojourns, 0.5), _quantile(sojourns, 0.99), tuple(limits)),
    )


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else inf
