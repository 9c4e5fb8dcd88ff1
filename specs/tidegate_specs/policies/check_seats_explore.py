"""Seats under every schedule with few preemptions: no class ever holds a slot above its threshold.

A thread is a line of words: `user` and `batch` go inside and stay; `leave` ends what its thread entered last, well; `drop` loses
it; `close`. Capacity 2, of which one slot is kept for users; or under a limit that the first sample moves.
"""

import sys
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any, Final, final

from ..builds import FREE_THREADED, LATE_FINALISERS
from ..check import Check, Result, Settings, Subject, Verdict
from ..explore.explorer import Grain, explore
from ..explore.history import Caller, History
from ..explore.judging import modules_of
from ..explore.program import Program
from .check_admission import TWO, StandIn, admission_of, left_over
from .clauses import class_2
from .support import GROUP, bulkhead_of, module_of


@final
@dataclass(frozen=True, slots=True)
class Configuration:
    """Describe who is inside before the threads start, and what each does.

    lowered: the limit from the first sample on. plans: by profile, quick first, where threads may be switched, and with how many
    preemptions at most. least: how many schedules there are at least, by profile, on every interpreter.
    """

    name: str
    capacity: int
    inside: tuple[str, ...]
    threads: tuple[str, ...]
    least: tuple[int, int] = (10, 100)
    lowered: int = 0
    plans: tuple[tuple[Grain, int], tuple[Grain, int]] = (("opcode", 1), ("opcode", 1))


CONFIGURATIONS: Final = (
    Configuration("at-threshold", 2, (), ("batch", "batch"), (300, 300)),
    Configuration("last-slot", 2, ("batch",), ("user", "batch")),
    Configuration("in-and-out", 2, (), ("batch leave", "batch leave")),
    Configuration("dropped", 2, (), ("batch drop", "batch")),
    Configuration("leaving", 2, ("batch",), ("leave", "batch", "user"), (100, 100), plans=(("access", 1), ("opcode", 1))),
    Configuration("lowering", 4, ("user", "user"), ("leave", "user user"), lowered=2),
    Configuration("closing", 2, (), ("batch leave", "close")),
)
DEEP: Final = ("in-and-out", "lowering", "closing")


@final
@dataclass(slots=True)
class Shared:
    """Hold what the threads work on, who is inside, and what was seen to be wrong."""

    admission: Any
    inside: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    wrong: str = ""


@final
class Play:
    """Make the shared object, play the threads, and judge a run."""

    def __init__(self, configuration: Configuration, subject: Subject) -> None:
        self.configuration, self.subject = configuration, subject

    def program(self) -> Program:
        """Give the program."""
        threads = tuple(partial(self.play, line.split()) for line in self.configuration.threads)
        return Program(f"policies.{self.configuration.name}", _modules(self.subject), self.make, threads, self.check, self.outcome)

    def make(self) -> Shared:
        limit = StandIn(self.configuration.capacity)
        limit.pending = self.configuration.lowered or limit.now
        shared = Shared(admission_of(self.subject, self.configuration.capacity, TWO, "batch", limit=limit))
        for label in self.configuration.inside:
            shared.inside.append((label, shared.admission.enter(label)))
        return shared

    def play(self, words: list[str], shared: Shared, call: Caller) -> None:
        mine: list[tuple[str, Any]] = [] if words[0] in TWO else shared.inside[:1]
        for word in words:
            call(word, None, self._do, word, shared, mine)

    def _do(self, word: str, shared: Shared, mine: list[tuple[str, Any]]) -> str:
        if word in TWO:
            lease = shared.admission.enter(word)
            if not lease:
                return str(lease.name)
            mine.append((word, lease))
            shared.inside.append(mine[-1])
            batch = sum(label == "batch" and len(lease._lease._mark) > 1 for label, lease in shared.inside)  # its slot is held
            if batch > max(1, self.configuration.capacity // 2):
                shared.wrong = f"{batch} of batch are inside"
            return "in"
        if word in ("leave", "drop") and mine:
            pair = mine.pop()
            if word == "leave":
                pair[1].release()
            shared.inside = [other for other in shared.inside if other is not pair]
            del pair
        elif word == "close":
            shared.admission.close()
        return word

    def outcome(self, _shared: Shared, history: History) -> Hashable:
        return history.results()

    def check(self, shared: Shared, history: History) -> str:
        """Name what is wrong with a run, or give ""."""
        answers = [call.result for caller in history.callers for call in caller.operations]
        closing = "close" in answers
        if "batch" in self.configuration.threads and self.configuration.name == "at-threshold" and "in" not in answers:
            return f"nobody was let in: {answers}"
        users = [call.result for caller in history.callers for call in caller.operations if call.name == "user"]
        if not self.configuration.lowered and any(answer != "in" for answer in users):
            return f"a user was refused below its threshold: {users}"
        if not closing and "CLOSED" in answers:
            return f"CLOSED, and nobody closed it: {answers}"
        wrong = shared.wrong
        for _, lease in shared.inside:
            lease.release(sample=False)
        shared.inside.clear()
        return wrong or left_over(shared.admission)


def _modules(subject: Subject) -> tuple[ModuleType, ...]:
    names = ("_seats", "admission")
    above = sys.modules[bulkhead_of(subject).__module__]
    return (*modules_of(subject), above, *(module_of(subject, name) for name in names))


def _explored(configuration: Configuration, subject: Subject, settings: Settings) -> Result:
    at = 0 if settings.profile == "quick" else 1
    grain, bound = configuration.plans[at]
    report = explore(Play(configuration, subject).program(), grain=grain, bound=bound)
    evidence = (
        f"{report.schedules:,} schedules with at most {report.bound} preemptions at every {grain}, {len(report.outcomes)} outcomes"
    )
    if report.verdict is Verdict.ILLEGAL and FREE_THREADED and any("drop" in line for line in configuration.threads):
        return Result(Verdict.UNKNOWN, f"not judged on this build: {evidence}", LATE_FINALISERS)
    if report.verdict is Verdict.ILLEGAL:
        fault = report.faults[0]
        return Result(Verdict.ILLEGAL, evidence, f"{fault.message}\n{fault.timeline}", ("CLASS-2",))
    few = report.schedules < configuration.least[at]
    if report.verdict is Verdict.UNKNOWN or few or not class_2(report.schedules, 0):
        why = report.why_not or f"{report.schedules} schedules; there are at least {configuration.least[at]} on every interpreter"
        return Result(Verdict.UNKNOWN, evidence, why)
    return Result(Verdict.OK, evidence)


CHECKS: Final[tuple[Check, ...]] = tuple(
    Check(
        f"policies.seats_{configuration.name.replace('-', '_')}",
        GROUP,
        "explorer",
        ("CLASS-2", "CLASS-1"),
        f"{' | '.join(configuration.threads)}, with {', '.join(configuration.inside) or 'nobody'} inside: no class above its "
        "threshold, no user refused below it, every seat and slot comes home",
        "Larger configurations, and schedules with more preemptions.",
        partial(_explored, configuration),
        limit_s=(120.0, 600.0),
        deep=configuration.name in DEEP,
    )
    for configuration in CONFIGURATIONS
)
