"""What is explored, within which limits, and the report of it."""

import time
import types
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final

from ..check import Verdict
from .accesses import Site
from .history import Caller, History

Thread = Callable[[Any, Caller], None]
FOUND: Final = "a fault was found"


def no_fault(shared: Any, history: History) -> str:
    """Accept every run."""
    return ""


def results_of(shared: Any, history: History) -> Hashable:
    """Give the result of every call, thread by thread."""
    return history.results()


@dataclass(frozen=True)
class Program:
    """Describe what to explore.

    modules: those whose opcodes are scheduled. make: gives the shared object; it runs before the threads. threads: each gets the
    shared object and a `Caller`, through which it makes the calls that are to appear in the history. check: runs after the threads,
    and names a fault or gives "". outcome: what of a run is counted.
    """

    name: str
    modules: tuple[types.ModuleType, ...]
    make: Callable[[], Any]
    threads: tuple[Thread, ...]
    check: Callable[[Any, History], str] = no_fault
    outcome: Callable[[Any, History], Hashable] = results_of


@dataclass(frozen=True)
class Fault:
    """Name a fault, and the schedule that shows it."""

    message: str
    schedule: str
    timeline: str


@dataclass
class Report:
    """Tell what was explored.

    schedules: complete runs, each another schedule. redundant: runs that turned out to be another one's equivalent.
    by_preemptions: how many schedules had 0, 1, 2, ... preemptions, where they were bounded. exhausted: nothing within the bound
    was left out. sites: the opcodes at which threads were switched. steps, handed: choices made, and how often another thread than
    before went on, in all schedules. faults: the first, unless more were asked for.
    """

    program: str
    grain: str
    bound: int | None
    reduced: bool
    schedules: int = 0
    redundant: int = 0
    by_preemptions: list[int] = field(default_factory=list[int])
    exhausted: bool = False
    outcomes: Counter[Hashable] = field(default_factory=Counter[Hashable])
    faults: list[Fault] = field(default_factory=list[Fault])
    sites: frozenset[Site] = frozenset()
    shared_sites: frozenset[Site] = frozenset()
    steps: int = 0
    handed: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    why_not: str = ""
    waiting: int = 0  # schedules known and not yet run

    @property
    def verdict(self) -> Verdict:
        """OK only if nothing within the bound was left out, and something was within it."""
        if self.faults:
            return Verdict.ILLEGAL
        return Verdict.OK if self.exhausted and self.schedules else Verdict.UNKNOWN

    def __str__(self) -> str:
        extent = "without bound" if self.bound is None else f"with at most {self.bound} preemptions"
        how = f"{self.schedules:,} schedules {extent}{', reduced' if self.reduced else ''}, at every {self.grain}"
        end = "exhausted" if self.exhausted else f"stopped: {self.why_not}"
        return f"{self.program}: {self.verdict.value}: {how}, {end}; {len(self.outcomes)} outcomes, {self.cpu_seconds:.1f} s of CPU"


def limit_of(schedules: int) -> str:
    """Say that a limit on schedules was hit."""
    return f"the limit of {schedules:,} schedules"


@dataclass
class Limits:
    """Say when to stop: after so many schedules, after so many seconds, at the first fault."""

    schedules: int | None = None
    seconds: float | None = None
    faults: int = 1


def over(report: Report, limits: Limits, start: float) -> bool:
    """Tell whether to stop, and say why in the report. start: of the search, by `time.perf_counter`."""
    if report.why_not:
        return True
    if len(report.faults) >= limits.faults:
        report.why_not = FOUND
    elif limits.schedules is not None and report.schedules + report.redundant >= limits.schedules:
        report.why_not = limit_of(limits.schedules)
    elif limits.seconds is not None and time.perf_counter() - start >= limits.seconds:
        report.why_not = f"the limit of {limits.seconds:g} s"
    return bool(report.why_not)
