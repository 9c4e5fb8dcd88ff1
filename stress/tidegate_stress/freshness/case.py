"""What one run is, what it measured, and how a report keeps it: plain data, to JSON and back."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tidegate_specs.check import Verdict

WORKERS: Final = 2
LIMIT_S: Final = 0.1  # callers give up so long after they began
PATIENCE_S: Final = 0.05  # half of it: the service time is not known
OFFERED_PER_S: Final = 600.0  # three times what two workers of 10 ms can finish, twelve times what they can at 40 ms
BOUND: Final = 0.95  # of what could be finished in time
FRESH: Final = "FreshIntake"
PLAIN: Final = "Intake"
Pieces = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Say how one run goes.

    service: the service time, in pieces: until which share of the load, and from how many to how many seconds, in a straight line.
    seconds: of load.
    """

    name: str
    capacity: int
    service: Pieces
    seconds: float = 4.0

    def service_s(self, at_s: float) -> float:
        """Give the service time of what begins at a time."""
        share, begun = at_s / self.seconds, 0.0
        for until, first_s, last_s in self.service:
            if share < until:
                return first_s + (last_s - first_s) * (share - begun) / (until - begun)
            begun = until
        return self.service[-1][2]

    def possible(self) -> float:
        """Count what all workers could finish during the load, if they were always busy with what is in time."""
        steps = 1_000
        return sum(WORKERS * self.seconds / steps / self.service_s(self.seconds * (step + 0.5) / steps) for step in range(steps))


@dataclass(frozen=True, slots=True)
class Result:
    """Give what one run measured.

    share: what was finished in time, of what could be. good, finished, offered: counted during the load. overhead: how much longer
    than asked for a service took, by which what could be finished is less. late: the share of offers that came 10 ms late or more.
    """

    case: Case
    subject: str
    share: float
    good: int
    finished: int
    offered: int
    overhead: float
    late: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Give the verdict on one row, by the best of its runs: UNKNOWN where too little came of it on a noisy machine."""

    case: Case
    verdict: Verdict
    best: float
    runs: int
    witness: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Give what one run of `tidegate freshness` saw. sweep: goodput at constant service times, for the picture."""

    version: str
    python: str
    started: str
    seconds: float
    results: tuple[Result, ...] = ()
    sweep: tuple[Result, ...] = ()
    findings: tuple[Finding, ...] = ()


def constant(service_s: float) -> Pieces:
    """Give a service time that stays as it is."""
    return ((1.0, service_s, service_s),)


DRIFT: Final[Pieces] = ((0.2, 0.01, 0.01), (0.45, 0.01, 0.02), (0.7, 0.04, 0.04), (1.0, 0.01, 0.01))
ROWS: Final = (
    *(Case(f"3x load, capacity {capacity}", capacity, constant(0.01)) for capacity in (4, 16, 64)),
    *(Case(f"service 4x slower, 12x load, capacity {capacity}", capacity, constant(0.04)) for capacity in (4, 16, 64)),
)
DRIFTS: Final = tuple(Case(f"service drifts, doubles, recovers, capacity {capacity}", capacity, DRIFT) for capacity in (16, 64))
SWEPT_S: Final = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06)
SWEEP: Final = tuple(Case(f"service of {1000 * service_s:g} ms", 16, constant(service_s)) for service_s in SWEPT_S)


def to_json(report: Report) -> str:
    """Write a report as JSON."""
    return json.dumps(asdict(report), default=lambda value: value.value, indent=1) + "\n"


def from_json(text: str) -> Report:
    """Read a report that `to_json` wrote."""
    read: dict[str, Any] = json.loads(text)
    for each in (*read["results"], *read["sweep"], *read["findings"]):
        each["case"] = _case(each["case"])
    for each in read["findings"]:
        each["verdict"] = Verdict(each["verdict"])
    read["results"], read["sweep"] = (tuple(Result(**each) for each in read[name]) for name in ("results", "sweep"))
    read["findings"] = tuple(Finding(**each) for each in read["findings"])
    return Report(**read)


def _case(read: dict[str, Any]) -> Case:
    pieces: Sequence[Sequence[float]] = read["service"]
    read["service"] = tuple((until, first_s, last_s) for until, first_s, last_s in pieces)
    return Case(**read)
