"""Seats under disturbance: no schedule lets more of a class in than its threshold, and no interruption costs a slot, a seat or a
count.

In the explorer a thread is a line of words: `user` and `batch` go inside and stay; `leave` ends what its thread entered last, well;
`drop` loses it; `close`, `statistics`. Capacity 2, of which one slot is kept for users; or under a limit that the first sample
moves."""

import gc
import os
import sys
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, ModuleType
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from ..explore.explorer import Grain, explore
from ..explore.history import Caller, History
from ..explore.judging import modules_of
from ..explore.program import Program
from ..injection import Injector, Interrupt, quiet_finalisers
from ..stops import handler_entries
from .check_admission import StandIn, admission_of
from .clauses import class_2, class_3, limit_2, policy_3
from .support import GROUP, bulkhead_of, module_of

SHARES: Final = {"user": 1.0, "batch": 0.5}
REFUSALS: Final = {"quick": 3_000, "full": 1_000_000}


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
    Configuration("at-threshold", 2, (), ("batch", "batch"), plans=(("opcode", 1), ("opcode", 2))),
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
        shared = Shared(admission_of(self.subject, self.configuration.capacity, SHARES, "batch", limit=limit))
        for label in self.configuration.inside:
            shared.inside.append((label, shared.admission.enter(label)))
        return shared

    def play(self, words: list[str], shared: Shared, call: Caller) -> None:
        mine: list[tuple[str, Any]] = [] if words[0] in SHARES else shared.inside[:1]
        for word in words:
            call(word, None, self._do, word, shared, mine)

    def _do(self, word: str, shared: Shared, mine: list[tuple[str, Any]]) -> str:
        if word in SHARES:
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


def left_over(admission: Any) -> str:
    """Name what is not there when nobody is inside: slots, seats, counts."""
    read = admission.statistics()
    home = sorted(admission._seats.free)
    if home != list(range(read.capacity)):
        return f"the seats at home are {home}, of {read.capacity}"
    if read.free != read.capacity and not read.queued:
        return f"slots are lost: {read}"
    if any(each.in_progress for each in read.classes):
        return f"nobody is inside, and still: {read.classes}"
    return ""


def _explored(configuration: Configuration, subject: Subject, settings: Settings) -> Result:
    at = 0 if settings.profile == "quick" else 1
    grain, bound = configuration.plans[at]
    report = explore(Play(configuration, subject).program(), grain=grain, bound=bound)
    evidence = (
        f"{report.schedules:,} schedules with at most {report.bound} preemptions at every {grain}, {len(report.outcomes)} outcomes"
    )
    if report.verdict is Verdict.ILLEGAL:
        fault = report.faults[0]
        return Result(Verdict.ILLEGAL, evidence, f"{fault.message}\n{fault.timeline}", ("CLASS-2",))
    few = report.schedules < configuration.least[at]
    if report.verdict is Verdict.UNKNOWN or few or not class_2(report.schedules, 0):
        why = report.why_not or f"{report.schedules} schedules; there are at least {configuration.least[at]} on every interpreter"
        return Result(Verdict.UNKNOWN, evidence, why)
    return Result(Verdict.OK, evidence)


# Interruptions.


@final
class Scene:
    """An admission of three with one of batch inside, under a limit of this package's own kind or a stand-in, and a call.

    way: what the call does. It gives a lease, or nothing.
    """

    def __init__(self, subject: Subject, way: str) -> None:
        self.limit = StandIn(3)
        more: dict[str, Any] = {"observe": True} if way == "observed" else {}
        self.admission = admission_of(subject, 3, {"user": 1.0, "batch": 0.34}, "batch", limit=self.limit, **more)
        self.lease: Any = self.admission.enter("batch")
        self.others: list[Any] = [self.admission.enter("user"), self.admission.enter("user")] if way == "full" else []
        self.box: list[Any] = []
        if way in ("leave", "leave and lower"):
            self.limit.pending = 2 if way == "leave and lower" else 3
        if way == "closed":
            self.admission.close()
        self.call: Callable[[], Any] = getattr(self, "_" + way.partition(" ")[0])

    def _enter(self) -> Any:
        return self.admission.enter("user")

    def _full(self) -> Any:
        return self.admission.enter("user")

    def _shed(self) -> Any:
        return self.admission.enter("batch")

    def _observed(self) -> Any:
        return self.admission.enter("batch")

    def _nobody(self) -> Any:
        return self.admission.enter("nobody")

    def _closed(self) -> Any:
        return self.admission.enter("user")

    def _leave(self) -> None:
        with self.lease:
            pass

    def _drop(self) -> None:
        self.lease = None

    def _statistics(self) -> None:
        self.admission.statistics()


WAYS: Final = ("enter", "full", "shed", "observed", "nobody", "closed", "leave", "leave and lower", "drop", "statistics")


def _sweep(subject: Subject, injector: Injector, way: str) -> tuple[int, str]:
    """Interrupt one call before each of its bytecodes. Gives the number of points, and what was wrong first."""
    position, points, reached = 0, 0, True
    while reached:
        position += 1
        reached, where = False, ""
        scene = Scene(subject, way)

        def hook(at: int, code: CodeType, offset: int, position: int = position) -> None:
            nonlocal reached, where
            if at == position:
                reached = True
                if offset not in handler_entries(code):
                    where = f"{way}, interrupted at {code.co_qualname}+{offset}"
                    raise Interrupt

        answer: Any = None
        with suppress(Interrupt):
            answer = injector.run(scene.call, hook)
        points += bool(where)
        if wrong := _judged(scene, answer):
            return points, f"{where or way}: {wrong}"
    return points, ""


def _judged(scene: Scene, answer: Any) -> str:
    """End everything, and say what is missing then: all that was lost would be there for whoever comes next."""
    admission, samples = scene.admission, len(scene.limit.samples)
    if samples > (scene.lease is not None and scene.call.__name__ == "_leave"):
        return f"{samples} samples"
    for lease in (answer, scene.lease, *scene.others):
        if hasattr(lease, "release"):
            lease.release(sample=False)
    scene.lease = answer = None
    del lease
    scene.others.clear()
    closed = admission.bulkhead._closed
    if not closed:  # what an interrupted entry left behind is found by the next that would be refused
        again = [admission.enter("user") for _ in range(2 * admission.capacity)]
        inside = sum(bool(lease) for lease in again)
        if scene.limit.now == admission.capacity and inside != admission.capacity:
            return f"{inside} of {admission.capacity} are let in"
        for one in again:
            if one:
                one.release(sample=False)
        del one
        again.clear()
    return left_over(admission)


def _interrupted(subject: Subject, _settings: Settings) -> Result:
    points, witness = 0, ""
    with quiet_finalisers(), Injector(module_of(subject, "admission").Admission) as injector:
        for way in WAYS:
            tried, wrong = _sweep(subject, injector, way)
            points += tried
            witness = witness or wrong
    evidence = f"{points:,} exceptions in {len(WAYS)} calls: {1 if witness else 'none'} cost a slot, a seat or a count"
    if not points:
        return Result(Verdict.UNKNOWN, evidence, "no bytecode was reached")
    return Result(Verdict.ILLEGAL if witness else Verdict.OK, evidence, witness, ("CLASS-2", "LIMIT-3") if witness else ())


def _refusals(subject: Subject, settings: Settings) -> Result:
    """Refuse very often, by every reason and with labels that are new each time: nothing is kept, and each is counted."""
    admission = admission_of(subject, 4, {"user": 1.0, "batch": 0.5}, "batch", limit=StandIn(3))
    held = [admission.enter("user") for _ in range(3)]
    number, true = REFUSALS[settings.profile], 0
    for label in ("user", "batch", "nobody"):
        admission.enter(label)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(number):
        true += bool(admission.enter("user")) + bool(admission.enter("batch"))
    grown = sys.getallocatedblocks() - before
    for each in range(1_000):
        admission.enter(f"nobody{each}")
    gc.collect()
    grown_labels = sys.getallocatedblocks() - before
    read = admission.statistics()
    told = (read.shed_limit, read.shed_class, read.unknown)
    wanted = (number + 1, number + 1_002, 1_001)
    evidence = f"{2 * number:,} refusals and 1,000 unknown labels: {grown} and {grown_labels} blocks more, told {told}"
    held.clear()
    blames = (
        *(() if policy_3(0, grown - 8, 0) else ("POLICY-3",)),
        *(() if class_3(read.unknown, grown_labels - 40) else ("CLASS-3",)),
        *(() if told == wanted and not true else ("POLICY-2",)),
    )
    return Result(Verdict.ILLEGAL if blames else Verdict.OK, evidence, f"not {wanted}; {true} were true", blames)


def _forked(subject: Subject, _settings: Settings) -> Result:
    """Fork with calls inside: nobody is inside in the child, and all seats are there; the parent keeps its own."""
    if not hasattr(os, "fork"):
        return Result(Verdict.UNKNOWN, "0 forks", "this system has no fork")
    admission = admission_of(subject, 3, SHARES, "batch")
    held = [admission.enter("user"), admission.enter("user")]
    pid = os.fork()
    if not pid:
        wrong = 9
        try:
            fresh = admission.enter("batch")
            wrong = int(not fresh) + 2 * (admission.statistics().in_flight != 1)
            fresh.release()
            held[0].release()
            wrong += 4 * bool(left_over(admission))
        finally:
            os._exit(wrong)
    _, status = os.waitpid(pid, 0)
    shed = admission.enter("batch")
    held[0].release()
    held.clear()
    wrong = os.waitstatus_to_exitcode(status)
    bad = bool(wrong) or bool(shed) or left_over(admission)
    return Result(
        Verdict.ILLEGAL if bad else Verdict.OK,
        "1 fork with two inside",
        f"child {wrong}, {shed}, {left_over(admission)}",
        ("POLICY-1",) if bad else (),
    )


def _lowered(subject: Subject, _settings: Settings) -> Result:
    """Lower the limit below those who are inside, at every size: all of them stay, and nobody comes in until enough have left."""
    lowered, revoked, early = 0, 0, 0
    for capacity in range(2, 17):
        for limit in range(1, capacity):
            stand_in = StandIn(capacity)
            admission = admission_of(subject, capacity, {"user": 1.0}, "user", limit=stand_in)
            inside = [admission.enter("user") for _ in range(capacity)]
            stand_in.pending = limit
            inside.pop().release()
            lowered += admission.limit == limit
            while inside:
                read = admission.statistics()
                revoked += read.in_flight != len(inside)
                more = admission.enter("user")
                early += bool(more) != (len(inside) < limit)
                if more:
                    more.release(sample=False)
                revoked += inside.pop().release(sample=False) is not True
            revoked += bool(left_over(admission))
    evidence = f"{lowered} lowerings: {revoked} revoked something, {early} calls let in above the limit or refused below it"
    good = limit_2(lowered, revoked) and not early
    return Result(Verdict.OK if good else Verdict.ILLEGAL, evidence, "", () if good else ("LIMIT-2", "CLASS-1"))


def _harmed_by(fault: Any, subject: Subject) -> bool:
    stand_in = StandIn(2)
    admission = admission_of(subject, 4, SHARES, "batch", limit=stand_in)
    stand_in.pending = fault
    admission.enter("user").release()
    inside = [admission.enter("user") for _ in range(5)]
    counted = admission.statistics().faults == isinstance(fault, BaseException)
    return [bool(lease) for lease in inside] != [True] * 4 + [False] or admission.limit != 4 or not counted


def _failing(subject: Subject, _settings: Settings) -> Result:
    """Have the limit raise in a sample, or be no number that could be one: the wall answers alone, and it is counted."""
    tried, harmed = 0, 0
    for fault in (OSError("no limit"), StopIteration(), 0, -1, 9, None, "2", 1.5):
        tried += 1
        try:
            harmed += _harmed_by(fault, subject)
        except Exception:  # noqa: BLE001 - whatever comes out
            harmed += 1
    evidence = f"{tried} limits that fail: {harmed} changed the wall's own answer or were not counted"
    return Result(Verdict.ILLEGAL if harmed else Verdict.OK, evidence, "", ("POLICY-4",) if harmed else ())


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "policies.seats_failing",
        GROUP,
        "example",
        ("POLICY-4",),
        "a limit that raises, or says what can't be, gives the wall's own answers, and its exceptions are counted",
        "A signal handler's exception that arrives in a limit of somebody else's is taken for its own.",
        _failing,
    ),
    *(
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
    ),
    Check(
        "policies.seats_interrupted",
        GROUP,
        "bytecode sweep",
        ("CLASS-2", "LIMIT-3"),
        "an exception before any bytecode of an entry, a refusal, an end or a loss costs no slot, no seat and no count, and "
        "is no sample",
        "Two exceptions in one call.",
        _interrupted,
        limit_s=(120.0, 600.0),
    ),
    Check(
        "policies.seats_refusals",
        GROUP,
        "example",
        ("POLICY-2", "POLICY-3", "CLASS-3"),
        "any number of refusals, and of labels that nobody knows, leaves nothing behind and is counted by its reason",
        "",
        _refusals,
    ),
    Check(
        "policies.seats_forked",
        GROUP,
        "example",
        ("POLICY-1",),
        "after a fork nobody is inside in the child, and the parent's are inside in the parent",
        "",
        _forked,
    ),
    Check(
        "policies.seats_lowered",
        GROUP,
        "enumeration",
        ("LIMIT-2", "CLASS-1"),
        "a limit that is lowered below those inside, at every size up to 16, revokes nothing, and counts for whoever comes next",
        "Larger capacities: the proof is for those.",
        _lowered,
    ),
)
