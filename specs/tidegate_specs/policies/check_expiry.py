"""What has expired: told once, after its slot is free, whatever disturbs the taker, at every bytecode.

The clock is one that stands still. Of three items two are too old, so a take expires both and hands out the third.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from ..injection import Injector
from ..sweeps import fork_at, freeze, reenter
from ..sweeps.audits import interrupted, take_all
from ..sweeps.operations import Operation, Stage, sweeping
from .clauses import fresh_1, fresh_2_counted, policy_3
from .playing import interruptions
from .support import GROUP, PATIENCE_S, Clock, as_implementation, module_of

CAPACITY: Final = 3
OLD: Final = ("old", "older")
STRIDE: Final = {"quick": 9, "full": 1}
FORK_STRIDE: Final = {"quick": 41, "full": 1}


@final
class Scene:
    """An intake with two items that are too old and one that is not, and what its owner was told.

    early: items that were told while they still held a slot, where the owner looks.
    """

    def __init__(self, subject: Subject, way: str = "take", looks: bool = True) -> None:
        self.subject, self.clock = subject, Clock()
        self.told: list[Any] = []
        self.early, self.looks = 0, looks
        self.intake: Any = module_of(subject).FreshIntake(CAPACITY, PATIENCE_S, self.tell, clock=self.clock)
        for item in OLD:
            self.intake.offer(item)
        self.clock.now = 2 * PATIENCE_S
        self.intake.offer("new")
        self.call: Callable[[], Any] = self.take if way == "take" else self.next
        self.leases = iter(self.intake)

    def take(self) -> Any:
        return self.intake.take(timeout=0)

    def next(self) -> Any:
        return next(self.leases)

    def tell(self, item: object) -> None:
        self.told.append(item)
        if not self.looks:
            return
        read = self.intake.statistics()
        self.early += read.queued + read.in_flight > CAPACITY - len(self.told)


@final
@dataclass(slots=True)
class Tally:
    """Count points, and what was wrong after how many of them."""

    points: int = 0
    lost: int = 0
    doubled: int = 0
    stale: int = 0
    untold: int = 0
    early: int = 0
    books: int = 0
    witness: str = ""
    names: list[str] = field(default_factory=list[str])

    @property
    def faults(self) -> int:
        return self.lost + self.doubled + self.stale + self.untold + self.early + self.books

    def judge(self, scene: Scene, where: str, out: list[Any]) -> None:
        """Take what is left, and compare with what must be."""
        before = self.faults
        leases = [*out, *take_all(scene.subject, scene.intake)]
        items = [lease.item for lease in leases]
        self.stale += sum(item in OLD for item in items)
        self.lost += "new" not in items
        self.doubled += items.count("new") > 1
        self.untold += sum(scene.told.count(item) != 1 for item in OLD)
        self.early += scene.early
        for lease in leases:
            lease.release()
        leases.clear()
        read = scene.intake.statistics()
        whole = read.queued + read.in_flight + read.released + read.abandoned + read.expired
        ended = read.released + read.abandoned + read.expired
        bad = read.accepted != whole or read.free != CAPACITY or ended != len(OLD) + 1 or min(read.released, read.abandoned) < 0
        self.books += bad or not len(OLD) - 1 <= read.expired <= len(OLD)
        if self.faults > before and not self.witness:
            self.witness = f"{where}: told {scene.told}, handed out {items}, {scene.early} told early; {read}"


def _sweep(subject: Subject, injector: Injector, way: str, tally: Tally) -> None:
    for hook in interruptions(way):
        scene = Scene(subject, way)
        answer = interrupted(injector, Stage(scene.intake, scene.call), hook)
        tally.points += bool(hook.where)
        tally.judge(scene, hook.where or way, [answer] if hasattr(answer, "release") else [])


def _interrupted(subject: Subject, _settings: Settings) -> Result:
    tally = Tally()
    with sweeping(as_implementation(subject)) as injector:
        for way in ("take", "next"):
            _sweep(subject, injector, way, tally)
    evidence = (
        f"{tally.points:,} exceptions while two items expire: {tally.untold} not told once, {tally.early} told early, "
        f"{tally.stale} handed out, {tally.lost} of the others lost, {tally.doubled} doubled, {tally.books} ledgers wrong"
    )
    if not tally.points:
        return Result(Verdict.UNKNOWN, evidence, "no bytecode was reached")
    told = fresh_1(len(OLD), tally.stale, tally.untold, 0, tally.early)
    kept = fresh_2_counted(tally.points, tally.lost, tally.doubled, tally.books)
    blames = (*(() if told else ("FRESH-1",)), *(() if kept else ("FRESH-2",)))
    return Result(Verdict.ILLEGAL if blames else Verdict.OK, evidence, tally.witness, blames)


def _beside(subject: Subject, settings: Settings) -> Result:
    operation = Operation("take past what has expired", frozenset(), lambda _: _stage_of(subject))
    fresh = as_implementation(subject, counted=False)
    still = freeze(fresh, (operation,))
    inside = reenter(fresh, [("call", "take"), ("signal", "offer")], (operation,), STRIDE[settings.profile])
    forks = fork_at(fresh, (operation,), FORK_STRIDE[settings.profile]) if hasattr(os, "fork") else None
    faults = still.blocked + still.starved + still.broken + still.stuck + inside.deadlocked + inside.overshot + inside.broken
    bad = forks.bad + forks.parents if forks else 0
    evidence = (
        f"{still.points:,} points at which a taker stopped for ever, {inside.points:,} calls inside it: {faults} faults; "
        f"{forks.forks + forks.inside if forks else 0:,} forks there: {bad} intakes not as they must be"
    )
    witness = still.witness or inside.witness or (forks.witness if forks else "")
    if not still.points or not inside.points:
        return Result(Verdict.UNKNOWN, evidence, "no bytecode was reached")
    if policy_3(faults, 0, 0) and not bad:
        return Result(Verdict.OK, evidence)
    return Result(Verdict.ILLEGAL, evidence, witness, ("POLICY-3",) if faults else ("FRESH-2",))


def _stage_of(subject: Subject) -> Stage:
    scene = Scene(subject, looks=False)
    return Stage(scene.intake, scene.call, must=["new"], takes=1, frees=len(OLD))


class _Fault(Exception):
    """Be raised by an owner who is told."""


def _raising(subject: Subject, _settings: Settings) -> Result:
    """Have the owner raise when it is told, an Exception and StopIteration: it comes out, and nothing is lost or told again."""
    tried, faults, witness = 0, 0, ""
    for kind in (_Fault, StopIteration, KeyboardInterrupt, subject.Empty, subject.Closed):
        for way in ("take", "next"):
            if way == "next" and kind is StopIteration:
                continue  # which is how an iterator ends: nobody can tell one from the other
            scene = Scene(subject, way)
            tell = scene.tell
            raised: list[BaseException] = []

            def fail(
                item: object, kind: type[BaseException] = kind, raised: list[BaseException] = raised, tell: Any = tell
            ) -> None:
                tell(item)
                raised.append(kind())
                raise raised[-1]

            module = module_of(subject)
            scene.intake = module.FreshIntake(CAPACITY, PATIENCE_S, fail, clock=scene.clock)
            scene.clock.now = 0.0
            for item in OLD:
                scene.intake.offer(item)
            scene.clock.now = 2 * PATIENCE_S
            scene.intake.offer("new")
            scene.leases = iter(scene.intake)
            came_out = 0
            out: list[Any] = []
            for _ in range(len(OLD) + 1):
                try:
                    out.append(scene.call())
                except BaseException as error:  # noqa: BLE001 - whatever it is
                    came_out += bool(raised) and (error is raised[-1] or kind is StopIteration is type(error))
            tally = Tally()
            tally.judge(scene, f"{way}, {kind.__name__} raised by the owner", out)
            swallowed = came_out != len(OLD)
            tried += 1
            faults += bool(tally.faults) or swallowed
            if (tally.faults or swallowed) and not witness:
                witness = tally.witness or f"{way}: {len(OLD) - came_out} {kind.__name__} of the owner's did not come out"
    evidence = f"{tried} owners who raise when they are told: {faults} lost something, or their exception"
    return Result(Verdict.ILLEGAL if faults else Verdict.OK, evidence, witness, ("FRESH-1",) if faults else ())


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "policies.expiry_interrupted",
        GROUP,
        "bytecode sweep",
        ("FRESH-1", "FRESH-2"),
        "an exception before any bytecode of a take, or of an iterator, that expires two items: each is told once, after its slot "
        "is free, neither is handed out, the third is, and the ledger adds up",
        "Two exceptions in one recovery.",
        _interrupted,
    ),
    Check(
        "policies.expiry_beside",
        GROUP,
        "bytecode sweep",
        ("POLICY-3", "FRESH-2"),
        "a taker stopped for ever, forked or re-entered at any bytecode while items expire delays nobody and loses nothing",
        "Profile quick re-enters and forks at some of the bytecodes only.",
        _beside,
        limit_s=(180.0, 600.0),
    ),
    Check(
        "policies.expiry_raising",
        GROUP,
        "example",
        ("FRESH-1",),
        "an exception of any type out of `on_expired` comes out of the take, and loses no slot, no item and no second telling",
        "",
        _raising,
    ),
)
