"""When offers are due: an open-loop schedule, made beforehand, which no answer and no delay of the system under load can change.

A load is a sequence of stretches, each with a level: its rate as a multiple of what the workers sustain. Arrivals are evenly spaced
or exponential in the time in which the load has rate 1, and mapped from there to real time (the inversion method of a
non-homogeneous process: E. Çinlar, Introduction to Stochastic Processes, 1975).
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .case import Case

CALM: Final = 0.8  # of the provisioned rate: before and after a spike
SLICE_S: Final = 1.0  # long enough to fill the queue at 2x, short enough for the machine to be the same
BURST_S: Final = 0.4
BURST_SHARE: Final = 0.25
RAMP_STEPS: Final = 100
CROWD_S: Final = 0.05  # in which all that a collapse's spike would bring in a second comes at once


@dataclass(frozen=True, slots=True)
class Stretch:
    """Give a time in seconds, and the level of the load in it."""

    seconds: float
    level: float


def load_of(case: Case) -> tuple[Stretch, ...]:
    """Give the stretches of a case. The mean level is the case's, but for a spike and a collapse, where the highest is."""
    seconds, level = case.seconds, case.level
    match case.arrivals:
        case "constant" | "poisson":
            return (Stretch(seconds, level),)
        case "burst":
            return _repeated(
                seconds, (Stretch(BURST_S * BURST_SHARE, level / BURST_SHARE), Stretch(BURST_S * (1 - BURST_SHARE), 0))
            )
        case "even slices":
            return _repeated(seconds, (Stretch(SLICE_S, level), Stretch(SLICE_S, 0)))
        case "odd slices":
            return _repeated(seconds, (Stretch(SLICE_S, 0), Stretch(SLICE_S, level)))
        case "ramp":
            return tuple(Stretch(seconds / RAMP_STEPS, 2 * level * (step + 0.5) / RAMP_STEPS) for step in range(RAMP_STEPS))
        case "spike":
            return (Stretch(seconds / 3, CALM), Stretch(seconds / 3, level), Stretch(seconds / 3, CALM))
        case "spinning":
            return (Stretch(seconds, 1.0),)  # of the one producer that does not spin
        case "collapse":
            start_s, end_s = spike_of(case)
            return (
                Stretch(start_s, CALM),
                Stretch(CROWD_S, level / CROWD_S),
                Stretch(end_s - start_s - CROWD_S, level),
                Stretch(seconds - end_s, CALM),
            )


def spike_of(case: Case) -> tuple[float, float]:
    """Say when the excess of a collapse begins and ends, in seconds from the start."""
    return case.seconds * 0.2, case.seconds * 0.45


def offers_of(case: Case, rate_per_s: float) -> int:
    """Give the number of arrivals to expect, retries not counted."""
    return int(sum(stretch.seconds * stretch.level for stretch in load_of(case)) * rate_per_s)


def _repeated(seconds: float, pattern: tuple[Stretch, ...]) -> tuple[Stretch, ...]:
    whole = sum(stretch.seconds for stretch in pattern)
    return pattern * max(1, round(seconds / whole))


def due_times(case: Case, rate_per_s: float, producer: int, producers: int) -> Iterator[int]:
    """Give the times at which one of the producers has an offer to make, in nanoseconds from the start, in order.

    Evenly spaced arrivals are shared out in turn, each producer's shifted by a part of a period drawn from the seed. Exponential
    ones are each producer's own: together they are one Poisson process again.
    """
    chance = random.Random(f"{case.seed}/{producer}")
    evenly = case.arrivals != "poisson"
    ahead = (producer + chance.random()) / producers if evenly else chance.expovariate(1.0)  # in arrivals of this producer
    start_s = 0.0
    for stretch in load_of(case):
        rate = rate_per_s * stretch.level / producers
        end = rate * stretch.seconds
        while ahead < end:
            yield int((start_s + ahead / rate) * 1e9)
            ahead += 1.0 if evenly else chance.expovariate(1.0)
        ahead -= end
        start_s += stretch.seconds
