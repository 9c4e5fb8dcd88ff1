"""What `tidegate stress --app` saw, as plain data, and as JSON."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from tidegate_specs.check import Verdict


@dataclass(frozen=True, slots=True)
class Figures:
    """Give what callers saw of one load. Times are from when a call was due, in seconds; None where there was none.

    slots: of the wall, 0 without one. good: in time. unfinished: had not ended one deadline after the load. unsent: could not be
    made. good_share: in time a second, of what can be finished or of what was offered if that is less, once the first deadline is
    over. p50_s, p99_s: of what was taken in, up to now where it had not ended.
    """

    level: float
    slots: int
    offered_per_s: float
    offered: int
    good: int
    late: int
    refused: int
    failed: int
    unfinished: int
    unsent: int
    good_share: float
    p50_s: float | None
    p99_s: float | None
    refusal_p99_s: float | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnReport:
    """Give all that one run saw. rate_per_s: 1x. workers, service_s: by the probe. slots: of the wall. why: of the verdict."""

    version: str
    python: str
    started: str
    title: str
    command: str
    deadline_s: float
    seconds: float
    rate_per_s: float = 0.0
    workers: int = 0
    service_s: float = 0.0
    slots: int = 0
    stolen_share: float = 0.0
    verdict: Verdict = Verdict.UNKNOWN
    why: str = "it did not come to its end"
    results: tuple[Figures, ...] = ()


def to_json(report: OwnReport) -> str:
    """Write a report as JSON."""

    def plain(value: Any) -> Any:
        return value.value if isinstance(value, Verdict) else str(value)

    return json.dumps(asdict(report), default=plain, indent=1) + "\n"
