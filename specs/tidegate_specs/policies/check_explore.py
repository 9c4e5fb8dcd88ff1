"""Explore small configurations of threads at an intake under a policy of time, under every schedule with few preemptions.

A thread is a line of words: `take` (waits), `take?` (with a time-out), `offer`, `close`, `drain` (waits), `statistics`; `drop` lets
the lease die that was taken before, unlooked at; `age` lets the time of all that is queued run out. Before the threads start the
words of `setup` are offered, and an item that begins with "old" has been there for too long.

After each schedule: no deadlock; every old item was told once and never handed out, every other one is handed out or left, once, or
told if its time ran out; the ledger adds up in every reading, and in the end every slot is free.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from ..explore.explorer import Grain, explore
from ..explore.history import Caller, History
from ..explore.judging import modules_of
from ..explore.program import Program
from ..sweeps.audits import take_all
from .support import GROUP, PATIENCE_S, Clock, module_of

HOW_LONG_S: Final = 1.0  # of a time-out, which ends when the explorer says


@final
@dataclass(frozen=True, slots=True)
class Configuration:
    """Describe what is there before the threads start, and what each does.

    plans: by profile, quick first, where threads may be switched, with how many preemptions at most. least: how many schedules
    there are at least, by profile, on every interpreter.
    """

    name: str
    capacity: int
    setup: tuple[str, ...]
    threads: tuple[str, ...]
    least: tuple[int, int]
    plans: tuple[tuple[Grain, int], tuple[Grain, int]] = (("opcode", 1), ("opcode", 1))


CONFIGURATIONS: Final = (
    Configuration("two-takers", 1, ("old",), ("take?", "take?"), (12, 2_000), (("access", 3), ("opcode", 1))),
    Configuration("runs-out", 1, ("new",), ("take?", "age"), (150, 150)),
    Configuration("runs-out-two", 1, ("new",), ("take?", "take?", "age"), (2_000, 2_000)),
    Configuration("offer", 1, ("old",), ("take?", "offer"), (500, 500)),
    Configuration("close", 2, ("old",), ("take", "close"), (300, 300)),
    Configuration("close-two", 2, ("old", "new"), ("take", "take", "close"), (50, 5_000), (("access", 1), ("opcode", 1))),
    Configuration("drain", 1, ("old",), ("take", "drain"), (500, 500)),
    Configuration("drop", 2, ("kept", "old"), ("take?", "drop"), (700, 700)),
    Configuration("statistics", 2, ("old", "new"), ("take?", "statistics"), (30, 1_000), (("access", 2), ("opcode", 1))),
)


@final
@dataclass(slots=True)
class Shared:
    """Hold what the threads work on, and what they were given."""

    intake: Any
    clock: Clock
    told: list[str]
    kept: list[Any] = field(default_factory=list[Any])
    leases: list[Any] = field(default_factory=list[Any])
    readings: list[Any] = field(default_factory=list[Any])


@final
class Play:
    """Make the shared object, play the threads, and judge a run."""

    def __init__(self, configuration: Configuration, subject: Subject) -> None:
        self.configuration, self.subject = configuration, subject

    def program(self) -> Program:
        """Give the program."""
        threads = tuple(partial(self.play, line.split()) for line in self.configuration.threads)
        modules = (*modules_of(self.subject), module_of(self.subject))
        return Program(f"policies.{self.configuration.name}", modules, self.make, threads, self.check, self.outcome)

    def make(self) -> Shared:
        clock, told = Clock(), list[str]()
        intake = module_of(self.subject).FreshIntake(self.configuration.capacity, PATIENCE_S, told.append, clock=clock)
        shared = Shared(intake, clock, told)
        for item in self.configuration.setup:
            clock.now = 0.0 if item.startswith("old") else 2 * PATIENCE_S
            intake.offer(item)
            if item == "kept":
                shared.kept.append(intake.take(timeout=0))
        clock.now = 2 * PATIENCE_S
        return shared

    def play(self, words: list[str], shared: Shared, call: Caller) -> None:
        for word in words:
            call(word, None, self._do, word, shared)

    def _do(self, word: str, shared: Shared) -> str:
        intake = shared.intake
        if word.startswith("take"):
            try:
                lease = intake.take(HOW_LONG_S if word == "take?" else None)
            except (self.subject.Empty, self.subject.Closed) as error:
                return type(error).__name__
            shared.leases.append(lease)
            return str(lease.item)
        if word == "offer":
            return str(intake.offer("offered").name)
        if word == "drop":
            shared.kept.clear()
        elif word == "age":
            _ = intake.capacity  # so that the explorer has a place to switch at before
            shared.clock.now += 2 * PATIENCE_S
        elif word == "statistics":
            shared.readings.append(intake.statistics())
        else:
            return str(getattr(intake, word)())
        return word

    def outcome(self, _shared: Shared, history: History) -> Hashable:
        return history.results()

    def check(self, shared: Shared, history: History) -> str:
        """Name what is wrong with a run, or give ""."""
        accepted = [*self.configuration.setup]
        accepted += ["offered" for caller in history.callers for call in caller.operations if call.result == "ACCEPTED"]
        wrong = [reading for reading in (*shared.readings, shared.intake.statistics()) if not _adds_up(reading)]
        if wrong:
            return f"the ledger does not add up: {wrong[0]}"
        leases = [*shared.leases, *shared.kept, *take_all(self.subject, shared.intake)]
        items = [lease.item for lease in leases]
        for lease in leases:
            lease.release()
        if sorted([*items, *shared.told]) != sorted(accepted):
            return f"of {accepted} {items} were handed out and {shared.told} told"
        if any(item.startswith("old") for item in items):
            return f"{items} were handed out"
        shared.leases.clear()
        shared.kept.clear()
        read = shared.intake.statistics()
        if read.free != read.capacity or read.expired != len(shared.told) or not _adds_up(read):
            return f"{len(shared.told)} were told, and in the end {read}"
        return ""


def _adds_up(read: Any) -> bool:
    whole = read.queued + read.in_flight + read.released + read.abandoned + read.expired
    return bool(read.accepted == whole and min(read.released, read.abandoned, read.expired) >= 0)


def _explored(configuration: Configuration, subject: Subject, settings: Settings) -> Result:
    at = 0 if settings.profile == "quick" else 1
    grain, bound = configuration.plans[at]
    report = explore(Play(configuration, subject).program(), grain=grain, bound=bound)
    evidence = (
        f"{report.schedules:,} schedules with at most {report.bound} preemptions at every {grain}, {len(report.outcomes)} outcomes"
    )
    if report.verdict is Verdict.ILLEGAL:
        fault = report.faults[0]
        return Result(Verdict.ILLEGAL, evidence, f"{fault.message}\n{fault.timeline}", ("FRESH-1", "FRESH-2"))
    few = report.schedules < configuration.least[at]
    if report.verdict is Verdict.UNKNOWN or few:
        why = report.why_not or f"{report.schedules} schedules; there are at least {configuration.least[at]} on every interpreter"
        return Result(Verdict.UNKNOWN, evidence, why)
    return Result(Verdict.OK, evidence)


CHECKS: Final[tuple[Check, ...]] = tuple(
    Check(
        f"policies.explore_{configuration.name.replace('-', '_')}",
        GROUP,
        "explorer",
        ("FRESH-1", "FRESH-2"),
        f"{' | '.join(configuration.threads)}, with {', '.join(configuration.setup)} there: each expiry told once, nothing lost",
        "Larger configurations, and schedules with more preemptions.",
        partial(_explored, configuration),
        deep=configuration.name == "runs-out-two",
    )
    for configuration in CONFIGURATIONS
)
