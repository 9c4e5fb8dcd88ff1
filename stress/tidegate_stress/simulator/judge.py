"""Compare the limits in a row, and hold ours to its bounds."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tidegate_specs.check import Verdict

from .engine import Result, simulate
from .limiters import AIMD, Fixed, Gradient2, Limiter, Vegas, ours
from .rows import FIXED, FLOOR, Row
from .workload import Workload

OURS: Final = "AdaptiveLimit"
Maker = Callable[[Workload, int], Limiter]  # from the workload, and the first limit
LIMITERS: Final[Mapping[str, Maker]] = {
    OURS: lambda workload, first: ours(FLOOR, workload.capacity, first),
    "Gradient2": lambda workload, first: Gradient2(FLOOR, workload.capacity, first),
    "Vegas": lambda workload, first: Vegas(FLOOR, workload.capacity, first),
    "AIMD": lambda workload, first: AIMD(FLOOR, workload.capacity, first, timeout_ns=workload.patience_s * 1e9),
    "fixed": lambda _workload, first: Fixed(first),
}
OF_BEST: Final = 0.9  # of the goodput of the best fixed limit
OF_RIVALS: Final = 0.95  # of that of the best of the others in this row
NEAR: Final = 0.2  # of the knee, in the last sixth of the time


@dataclass(frozen=True, slots=True)
class Line:
    """Give what one row made of the limiters from one first limit.

    goodput: by limiter, as a share of what the best fixed limit made, which is `best`. last: the median limit in the last sixth.
    """

    row: str
    first: int
    best: int
    best_per_s: float
    knee: int
    goodput: dict[str, float]
    last: dict[str, float]
    p99_s: dict[str, float]
    wrong: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """ILLEGAL if a bound is missed."""
        return Verdict.ILLEGAL if self.wrong else Verdict.OK


def best_fixed(workload: Workload, seconds: float, seeds: Sequence[int]) -> tuple[int, float]:
    """Give the fixed limit with the most goodput, in hindsight, and that goodput."""
    made = {n: _mean([simulate(workload, Fixed(n), seconds, seed).goodput_per_s for seed in seeds]) for n in FIXED}
    best = max(made, key=lambda n: made[n])
    return best, made[best]


def compare(row: Row, firsts: Sequence[int], seconds: float, seeds: Sequence[int], others: bool = True) -> list[Line]:
    """Run a row from each first limit. others: with those that ours is compared with."""
    best, best_per_s = best_fixed(row.workload, seconds, seeds)
    lines: list[Line] = []
    for first in firsts:
        runs = {
            name: [simulate(row.workload, make(row.workload, first), seconds, seed) for seed in seeds]
            for name, make in LIMITERS.items()
            if others or name == OURS
        }
        goodput = {name: _mean([run.goodput_per_s for run in all_]) / best_per_s for name, all_ in runs.items()}
        last = {name: _mean([run.limit_between(seconds * 5 / 6, seconds) for run in all_]) for name, all_ in runs.items()}
        p99_s = {name: _mean([run.p99_s for run in all_]) for name, all_ in runs.items()}
        wrong = tuple(_wrong(row, goodput, last))
        lines.append(Line(row.name, first, best, best_per_s, row.knee, goodput, last, p99_s, wrong))
    return lines


def _wrong(row: Row, goodput: Mapping[str, float], last: Mapping[str, float]) -> list[str]:
    found: list[str] = []
    if goodput[OURS] < OF_BEST:
        found.append(f"{goodput[OURS]:.1%} of the best fixed limit's goodput, not {OF_BEST:.0%}")
    rivals = {name: share for name, share in goodput.items() if name != OURS}
    rival = max(rivals, key=lambda name: rivals[name], default=OURS)
    if goodput[OURS] < OF_RIVALS * goodput[rival]:
        found.append(f"{goodput[OURS]:.1%}, less than {OF_RIVALS:.0%} of what {rival} makes, {goodput[rival]:.1%}")
    if row.knee and abs(last[OURS] - row.knee) > NEAR * row.knee:
        found.append(f"a limit of {last[OURS]:.1f} in the end, not within {NEAR:.0%} of the knee, {row.knee}")
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def to_json(lines: Sequence[Line], seconds: float, seeds: Sequence[int]) -> str:
    """Write the table as JSON."""
    whole: dict[str, Any] = {"seconds": seconds, "seeds": list(seeds), "lines": [asdict(line) for line in lines]}
    return json.dumps(whole, indent=1) + "\n"


def from_json(text: str) -> list[Line]:
    """Read the lines of a table that `to_json` wrote."""
    read: dict[str, Any] = json.loads(text)
    for line in read["lines"]:
        line["wrong"] = tuple(line["wrong"])
    return [Line(**line) for line in read["lines"]]


def table(lines: Sequence[Line]) -> str:
    """Give the table of a page: goodput as shares of the best fixed limit's, and in brackets the limit in the end."""
    names = list(LIMITERS)
    told = [f"| load | from | {' | '.join(names)} | best fixed |", "|---|" + "---|" * (len(names) + 2)]
    for line in lines:
        cells = [f"{line.goodput[name]:.0%} ({line.last[name]:.0f})".replace("%", " %") for name in names if name in line.goodput]
        told.append(f"| {line.row} | {line.first} | {' | '.join(cells)} | {line.best} |")
    return "\n".join(told) + "\n"


__all__ = ["LIMITERS", "OURS", "Line", "Result", "best_fixed", "compare", "from_json", "table", "to_json"]
