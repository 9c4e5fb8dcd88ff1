"""Limits in virtual time: what a limit makes of a load, a service that has a knee, and callers who give up.

    from tidegate_stress.simulator import Fixed, Workload, simulate

    result = simulate(Workload(knee=16), Fixed(24), seconds=60, seed=1)
    print(result.goodput_per_s, result.p99_s)

`workload` says what comes and how the service behaves, `engine` runs it event by event, `limiters` are ours and four that are in
use (models in our own words), `rows` are the cases that are compared, `judge` holds them to their bounds, and `command` is
`tidegate simulate`. The same seed gives the same result, to the bit.
"""

from .engine import Result, simulate
from .limiters import AIMD, Fixed, Gradient2, Limiter, Vegas, ours
from .workload import Workload

__all__ = ["AIMD", "Fixed", "Gradient2", "Limiter", "Result", "Vegas", "Workload", "ours", "simulate"]
