"""The rows that are compared: a service with a knee at 16, a wall at 64, limits that begin at a quarter of it and at four times.

Callers give up after about five times what the work takes on average, so a limit that is too large turns work into waste.
"""

from dataclasses import dataclass
from typing import Final

from .workload import Workload

KNEE: Final = 16
FIRST: Final = (KNEE // 4, 4 * KNEE)
FLOOR: Final = 4
SECONDS: Final = 60.0
FIXED: Final = (4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 56, 64)  # the best of these in hindsight is the measure


@dataclass(frozen=True, slots=True)
class Row:
    """Name a workload. knee: where the limit has to be in the end, or 0 where the load does not hold it there."""

    name: str
    workload: Workload
    knee: int = KNEE


ROWS: Final = (
    Row("constant work, constant arrivals", Workload(service="constant", arrivals="constant", patience_s=0.05)),
    Row("constant work", Workload(service="constant", patience_s=0.05)),
    Row("exponential work", Workload(patience_s=0.1)),
    Row("bimodal work", Workload(service="bimodal", patience_s=0.3)),
    Row("heavy-tailed work", Workload(service="heavy", patience_s=0.2)),
    Row("work becomes 3x slower in 60 s", Workload(drift=3.0, patience_s=0.25)),
    Row("work 3x slower from 20 to 40 s", Workload(slower=((20, 3.0), (40, 1.0)), patience_s=0.25)),
    Row("contention beyond the knee", Workload(contention=0.5, patience_s=0.15)),
    Row("knee 16, 8 from 20 s, 24 from 40 s", Workload(knees=((20, 8), (40, 24)), contention=0.3, patience_s=0.15), 24),
    Row("bursts of 3 s", Workload(arrivals="on/off", contention=0.3, patience_s=0.15), 0),
    Row("slow work, 200 ms", Workload(service_s=0.2, contention=0.3, patience_s=1.5)),
    Row("no overload", Workload(offered=0.8, patience_s=0.15), 0),
    Row("no knee below the wall", Workload(knee=64, offered=1.5, patience_s=0.15), 64),
    Row("overload for 20 s only", Workload(loads=((20, 0.3),), contention=0.3, patience_s=0.15), 0),
)
