"""What suggested numbers make of a load, in virtual time (`simulator`): goodput against offered load, with them and without."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..simulator import Fixed, Limiter, Workload, ours, simulate
from ..simulator.workload import Service
from .knee import Knee, percentile
from .suggest import Suggestion

LEVELS: Final = (0.5, 0.9, 1.5, 3.0, 10.0)
CALLS: Final = 1500  # that could be finished in the time of a run, about
DEADLINES: Final = 4.0  # the time of a run, at least: then what is taken in too much is late
OVER: Final = 50_000  # calls offered in a run, at most
NO_WALL: Final = 1_000_000_000
STEADY: Final = 1.5  # times the mean: with no more at the 99th percentile service times count as constant
WITH, ADAPTIVE, WITHOUT = "capacity", "adaptive limit", "no wall"


@dataclass(frozen=True, slots=True)
class Point:
    """Give one run: the offered load as a multiple of the rate at the knee, what was good as a share of that rate, and times."""

    arm: str
    level: float
    good_share: float
    p50_s: float
    p99_s: float


def service_of(knee: Knee) -> Service:
    """Choose which of the simulator's service times come nearest, by how far the longest are from the mean."""
    return "constant" if percentile(knee.times_s, 99.0) <= STEADY * knee.quiet_s else "exponential"


def curve(knee: Knee, suggestion: Suggestion, tell: Callable[[str], None] = lambda _text: None) -> tuple[Point, ...]:
    """Run every level with the capacity alone, with an adaptive limit within it, and without a wall."""
    workers, mean_s = suggestion.workers, suggestion.mean_s
    seconds = max(CALLS * mean_s / workers, DEADLINES * suggestion.deadline_s)
    seconds = max(2 * suggestion.deadline_s, min(seconds, OVER * mean_s / workers / max(LEVELS)))
    arms: dict[str, tuple[Callable[[], Limiter], int]] = {
        WITH: (lambda: Fixed(suggestion.capacity), suggestion.capacity),
        ADAPTIVE: (lambda: ours(suggestion.floor, suggestion.capacity), suggestion.capacity),
        WITHOUT: (lambda: Fixed(NO_WALL), NO_WALL),
    }
    points: list[Point] = []
    for arm, (limiter, capacity) in arms.items():
        for level in LEVELS:
            tell(f"simulating {arm} at {level:g}x")
            workload = Workload(
                knee=workers,
                capacity=capacity,
                service=service_of(knee),
                service_s=mean_s,
                offered=level,
                patience_s=suggestion.deadline_s,
            )
            result = simulate(workload, limiter(), seconds, seed=1)
            points.append(Point(arm, level, result.goodput_per_s / workload.best_per_s(), result.p50_s, result.p99_s))
    return tuple(points)
