"""What comes, and how the service behaves: plain data, and the random numbers that follow from it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Final, Literal

Service = Literal["constant", "exponential", "bimodal", "heavy"]
Arrivals = Literal["constant", "poisson", "on/off"]
Steps = tuple[tuple[float, float], ...]  # from which second on, and what then

SERVICES: Final[tuple[Service, ...]] = ("constant", "exponential", "bimodal", "heavy")
ARRIVALS: Final[tuple[Arrivals, ...]] = ("constant", "poisson", "on/off")
FAST: Final = 0.9  # of bimodal work is short,
RATIO: Final = 10.0  # and the rest takes so many times as long
ALPHA: Final = 1.8  # of heavy-tailed work: finite mean, infinite variance
LONGEST: Final = 100.0  # times the mean: where the tail is cut


@dataclass(frozen=True, slots=True)
class Workload:
    """Say what comes and how the service behaves.

    knee: up to so many at once take no longer than one; more share what there is. contention: how much is lost beyond it; at twice
    the knee the service does 1 / (1 + contention) of what it does at the knee. capacity: the wall. service_s: the mean time of one
    alone. offered: what comes, as a multiple of what the service can do at its knee (in the on-phases). patience_s: a caller gives
    up after so long; what is finished later is no goodput, but the service does not know. slower: factors of the service time, and
    knees: other knees, from a time on. drift: by which factor the service time has grown in a straight line after 60 s.
    on_s, off_s, rest: lengths of the phases, and how much comes in the off-phases.
    """

    name: str = ""
    knee: int = 16
    contention: float = 0.0
    capacity: int = 64
    service: Service = "exponential"
    service_s: float = 0.02
    arrivals: Arrivals = "poisson"
    offered: float = 2.0
    patience_s: float = inf
    slower: Steps = ()
    knees: Steps = ()
    loads: Steps = ()
    drift: float = 1.0
    on_s: float = 3.0
    off_s: float = 3.0
    rest: float = 0.2

    def at_once(self, at_s: float) -> float:
        """Give the knee at a time."""
        return _step(self.knees, at_s, self.knee)

    def factor(self, at_s: float) -> float:
        """Give by what the service time is longer at a time."""
        return _step(self.slower, at_s, 1.0) * (1 + (self.drift - 1) * at_s / 60)

    def speed(self, inside: int, knee: float) -> float:
        """Give how fast each of so many goes on, as a share of how fast one alone does."""
        if inside <= knee:
            return 1.0
        return knee / inside / (1 + self.contention * (inside / knee - 1))

    def load(self, at_s: float) -> float:
        """Give what comes at a time, as a multiple of what the service can do."""
        if self.arrivals == "on/off" and at_s % (self.on_s + self.off_s) >= self.on_s:
            return self.rest
        return _step(self.loads, at_s, self.offered)

    def best_per_s(self) -> float:
        """Give what the service can finish in a second at its knee, as it is at first."""
        return self.knee / self.service_s


def _step(steps: Steps, at_s: float, first: float) -> float:
    value = first
    for since_s, then in steps:
        if at_s >= since_s:
            value = then
    return value


def works(workload: Workload, random: Random) -> Callable[[], float]:
    """Give a source of service times, in seconds, of one alone."""
    mean = workload.service_s
    if workload.service == "constant":
        return lambda: mean
    if workload.service == "exponential":
        return lambda: random.expovariate(1 / mean)
    if workload.service == "bimodal":
        short = mean / (FAST + RATIO * (1 - FAST))
        return lambda: short if random.random() < FAST else RATIO * short
    least = mean * (ALPHA - 1) / ALPHA
    return lambda: min(least * random.paretovariate(ALPHA), LONGEST * mean)


def arrivals(workload: Workload, random: Random) -> Iterator[float]:
    """Give the times of all arrivals, in seconds, without an end."""
    at_s, best = 0.0, workload.best_per_s()
    while True:
        rate = workload.load(at_s) * best
        at_s += random.expovariate(rate) if workload.arrivals != "constant" else 1 / rate
        yield at_s
