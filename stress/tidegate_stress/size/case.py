"""What `tidegate size` found, as plain data, and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from tidegate_specs.check import Verdict

from .curve import Point
from .knee import Level, percentile
from .suggest import Suggestion

PERCENTILES: Final = (50.0, 90.0, 99.0)


@dataclass(frozen=True, slots=True)
class Times:
    """Give a distribution of times, in seconds. quiet: whether nothing was in their way."""

    count: int
    mean_s: float
    at_s: Mapping[str, float]
    longest_s: float
    quiet: bool


@dataclass(frozen=True, slots=True)
class SizeReport:
    """Give all that one run of `tidegate size` found.

    title: what was measured or read. told: how much of it. why_not: why nothing is suggested; empty if something is. stolen_share:
    of the processor, that others took while it was probed. service: of the simulator's service times, those that come nearest.
    """

    version: str
    python: str
    started: str
    source: Literal["probe", "log"]
    title: str
    command: str
    told: str = ""
    why_not: str = ""
    stolen_share: float = 0.0
    times: Times | None = None
    levels: tuple[Level, ...] = ()
    suggestion: Suggestion | None = None
    service: str = ""
    curve: tuple[Point, ...] = field(default_factory=tuple[Point, ...])

    @property
    def verdict(self) -> Verdict:
        """Give OK if there is a suggestion, UNKNOWN if it can't tell."""
        return Verdict.UNKNOWN if self.why_not or self.suggestion is None else Verdict.OK


def times_of(ordered_s: Sequence[float], *, quiet: bool) -> Times | None:
    """Sum up times that are in order. None if there are none."""
    if not ordered_s:
        return None
    at = {f"p{percent:g}": percentile(ordered_s, percent) for percent in PERCENTILES}
    return Times(len(ordered_s), sum(ordered_s) / len(ordered_s), at, ordered_s[-1], quiet)


def to_json(report: SizeReport) -> str:
    """Write a report as JSON. A time that there is none of is null."""
    document: dict[str, Any] = {"verdict": report.verdict.value, **asdict(report)}
    for point in document["curve"]:
        for name in ("p50_s", "p99_s"):
            point[name] = None if point[name] == float("inf") else point[name]
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
