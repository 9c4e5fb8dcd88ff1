"""Seats under disturbance: no interruption, refusal, fork or failing limit costs a slot, a seat or a count."""

import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from ..injection import Injector, Interrupt, quiet_finalisers
from .check_admission import TWO, StandIn, admission_of, left_over
from .clauses import class_3, limit_2, policy_3
from .playing import interruptions
from .support import GROUP, module_of

REFUSALS: Final = {"quick": 3_000, "full": 1_000_000}


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
    points = 0
    for hook in interruptions(way):
        scene = Scene(subject, way)
        answer: Any = None
        with suppress(Interrupt):
            answer = injector.run(scene.call, hook)
        points += bool(hook.where)
        if wrong := _judged(scene, answer):
            return points, f"{hook.where or way}: {wrong}"
    return points, ""


def _judged(scene: Scene, answer: Any) -> str:
    """End everything, and say what is missing then: all that was lost would be there for whoever comes next."""
    admission, samples = scene.admission, len(scene.limit.samples)
    if samples > (scene.lease is not None and scene.call.__name__ == "_leave"):
        return f"{samples} samples"
    _end([answer, scene.lease, *scene.others])
    scene.lease = answer = None
    scene.others.clear()
    closed = admission.bulkhead._closed
    if not closed:  # what an interrupted entry left behind is found by the next that would be refused
        again = [admission.enter("user") for _ in range(2 * admission.capacity)]
        inside = sum(bool(lease) for lease in again)
        if scene.limit.now == admission.capacity and inside != admission.capacity:
            return f"{inside} of {admission.capacity} are let in"
        _end(again)
    return left_over(admission)


def _end(leases: list[Any]) -> None:
    """Release what are leases, and keep none."""
    while leases:
        lease: Any = leases.pop()
        if hasattr(lease, "release"):
            lease.release(sample=False)


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
    admission = admission_of(subject, 3, TWO, "batch")
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
    admission = admission_of(subject, 4, TWO, "batch", limit=stand_in)
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
