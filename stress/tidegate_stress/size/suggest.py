"""From what a service can do to what to write: workers, capacity, patience and floor, each with its reason in a line.

The formula is that of the page "How large?" (kernel/docs/sizing.md):

    capacity = floor(workers x patience / service time), and at least the number of workers
    patience = what a caller waits - the longest service time
"""

from dataclasses import dataclass
from typing import Final

from .knee import CannotTell, Knee, percentile

LONG: Final = 99.0  # the percentile of service times that counts as a long one
OF_WORKERS: Final = 4  # the floor is a quarter of them
SLACK: Final = 1e-9  # of rounding, in a division that comes out even


@dataclass(frozen=True, slots=True)
class Value:
    """Give one suggested number, and why."""

    name: str
    value: float
    reason: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Give what to write for one process. mean_s and long_s: the service time it is for. deadline_s: what a caller waits."""

    workers: int
    capacity: int
    patience_s: float
    floor: int
    mean_s: float
    long_s: float
    deadline_s: float
    values: tuple[Value, ...]


def capacity_of(workers: int, patience_s: float, service_s: float) -> int:
    """Give the slots of an intake or a bulkhead, by the formula."""
    return max(workers, int(workers * patience_s / service_s + SLACK))


def milliseconds(seconds: float) -> str:
    """Write a time in milliseconds, to three digits."""
    return f"{seconds * 1e3:,.0f} ms" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def suggest(knee: Knee, deadline_s: float, processes: int = 1) -> Suggestion:
    """Suggest for one of so many processes that the knee is for. Raises CannotTell where callers wait for too short."""
    long_s = percentile(knee.times_s, LONG)
    if long_s >= deadline_s:
        raise CannotTell(
            f"{LONG:g} % of calls take up to {milliseconds(long_s)} when it is quiet, and callers give up after "
            f"{milliseconds(deadline_s)}: no number of slots mends that; --deadline says how long they wait"
        )
    workers = max(1, round(knee.exact / processes))
    patience_s = round(deadline_s - long_s, 4)
    capacity = capacity_of(workers, patience_s, long_s)
    floor = max(1, workers // OF_WORKERS)
    shared = "" if processes == 1 else f"; a share for each of {processes} processes"
    values = (
        Value(
            "knee",
            knee.inside,
            f"at most {knee.rate_per_s:.4g} are finished a second, and one takes {milliseconds(knee.quiet_s)} when it is quiet: "
            f"{knee.rate_per_s:.4g} x {knee.quiet_s:.3g} = {knee.exact:.2f} are worked on at once",
        ),
        Value("workers", workers, f"the knee: with fewer, some work is not done; with more, each only takes longer{shared}"),
        Value(
            "patience_s",
            patience_s,
            f"callers give up after {milliseconds(deadline_s)}, less {milliseconds(long_s)} that {LONG:g} % of calls take at most",
        ),
        Value(
            "capacity",
            capacity,
            f"floor(workers x patience / service time) = floor({workers} x {patience_s * 1e3:.4g} / {long_s * 1e3:.3g})",
        ),
        Value(
            "floor",
            floor,
            "of an AdaptiveLimit: a quarter of the workers, so that it can follow a service that has become much smaller",
        ),
    )
    return Suggestion(workers, capacity, patience_s, floor, knee.quiet_s, long_s, deadline_s, values)
