"""The rows of the report, and the bars that they are judged by."""

import json
import platform
import sys
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

from .peers import BY_WITH, ROUND

BARS_TO_3_13: Final = {"accept": 0.25, "reject": 0.20, ROUND: 0.40, BY_WITH: 0.49}
BARS_FROM_3_14: Final = {"accept": 0.31, "reject": 0.24, ROUND: 0.50, BY_WITH: 0.63}  # where `queue.Queue` became faster
BARS: Final = BARS_FROM_3_14 if sys.version_info >= (3, 14) else BARS_TO_3_13
FLAT_BAR: Final = 1.3
SLOT_BAR_BYTES: Final = 200
GOODPUT_BAR: Final = 0.80

Status = Literal["MET", "NOT MET", "UNKNOWN", "report only", "missing"]


@dataclass(frozen=True, slots=True)
class Row:
    """Give one figure: of what, for whom, in which unit, against which bar ("at most" or "at least"), and whether it is met."""

    section: str
    measure: str
    subject: str
    value: float | None
    unit: str
    status: Status
    bar: float | None = None
    bar_is: Literal["at most", "at least"] = "at most"
    time_ns: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class BenchReport:
    """Give all figures of one run, and the noise they are to be read with."""

    rows: tuple[Row, ...]
    noise: float
    seconds: float
    rounds: int
    python: str = field(default_factory=lambda: f"{platform.python_implementation()} {platform.python_version()}")
    platform: str = field(default_factory=platform.platform)

    @property
    def exit_code(self) -> int:
        """0: all bars met. 1: one is not. 3: one is too near to its bar for the noise."""
        statuses = {row.status for row in self.rows}
        return 1 if "NOT MET" in statuses else 3 if "UNKNOWN" in statuses else 0

    def as_json(self) -> str:
        """Give the report as JSON."""
        verdict = {0: "MET", 1: "NOT MET", 3: "UNKNOWN"}[self.exit_code]
        return json.dumps({"verdict": verdict, **asdict(self)}, indent=2)


def judge(value: float, bar: float, bar_is: Literal["at most", "at least"], noise: float) -> Status:
    """Compare with a bar; within the noise of it there is no telling."""
    excess = value / bar if bar_is == "at most" else bar / value if value > 0 else float("inf")
    if excess * (1 + noise) <= 1:
        return "MET"
    return "NOT MET" if excess > 1 + noise else "UNKNOWN"
