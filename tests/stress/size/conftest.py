"""Recorded calls of services whose number of workers is known: what a probe or a log would have seen of them."""

import heapq
import math
import random
from collections.abc import Callable, Iterable

import pytest

from tidegate_stress.size.drive import schedule
from tidegate_stress.size.knee import Calls

Service = Callable[[], float]


def served(arrivals: Iterable[float], workers: int, service: Service) -> Calls:
    """Serve first come, first served."""
    free, begins, ends = [0.0] * workers, list[float](), list[float]()
    for begin in arrivals:
        end = max(begin, heapq.heappop(free)) + service()
        heapq.heappush(free, end)
        begins.append(begin)
        ends.append(end)
    return Calls(begins, ends)


def probed(workers: int, mean_s: float = 0.02, service: Service | None = None) -> Calls:
    """Give what a probe would see: calls that are alone, then a ramp through the limit."""
    serve = service or (lambda: mean_s)
    alone = [due / 1e9 for due in schedule(0.3 / mean_s, 3)]
    ramp = [4 + due / 1e9 for due in schedule(1.1 * workers / mean_s, 3, "ramp")]
    return served([*alone, *ramp], workers, serve)


def logged(workers: int, mean_s: float, busiest: float, quietest: float = 0.05, seed: int = 1, seconds: float = 250.0) -> Calls:
    """Give what a log would see: a load that comes and goes, as multiples of what the workers can do."""
    chance, now, arrivals = random.Random(seed), 0.0, list[float]()
    while now < seconds:
        level = quietest + (busiest - quietest) * (0.5 + 0.5 * math.sin(now / 20))
        now += chance.expovariate(level * workers / mean_s)
        arrivals.append(now)
    return served(arrivals, workers, lambda: chance.lognormvariate(math.log(mean_s) - 0.08, 0.4))


@pytest.fixture(scope="session")
def eight() -> Calls:
    """Give a log of a service of eight workers that was overloaded for a while."""
    return logged(8, 0.1, 1.3)
