"""Call the intake again from inside, at every bytecode of every operation, in the same thread (REENTRY-1, EXACT-1).

As a plain call, from a finaliser, from a weak-reference callback and from a signal handler. The call inside must return, its answer
must be one that the specification allows there, and nothing may be lost, doubled or held above the capacity afterwards.
"""

import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, FrameType
from typing import Any, Final, final

from ..check import Subject, capabilities_of
from ..injection import Injector
from ..progress import progress
from ..reentrant_calls import Way, by_finaliser, by_weak_reference
from .audits import Audit, audit, interrupted
from .interrupt import tell
from .operations import Operation, Stage, confirm_s, operations_of, sweeping
from .party import ENDED, Party

STUCK: Final = 100


def by_call(call: Callable[[], None]) -> None:
    """Call it."""
    call()


def by_signal(call: Callable[[], None]) -> None:
    """Let a signal handler call it. Main thread only."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        call()

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


THREAD_WAYS: Final[dict[str, Way]] = {"call": by_call, "finaliser": by_finaliser, "weak reference": by_weak_reference}


@dataclass(slots=True)
class Inside:
    """What a call inside an operation did. fault: what its answer had wrong."""

    offered: list[Any] = field(default_factory=list[Any])
    taken: list[Any] = field(default_factory=list[Any])
    ended: bool = False
    fault: str = ""
    spurious: bool = False


Action = Callable[[Subject, Stage, Inside], None]


def _offer(subject: Subject, stage: Stage, inside: Inside) -> None:
    free, outcome = stage.free, subject.Outcome
    answer = stage.intake.offer("inside")
    if answer is outcome.ACCEPTED:
        inside.offered.append("inside")
        if stage.closed:
            inside.fault = "an offer to a closed intake is accepted"
        elif free + stage.frees <= 0:
            inside.fault = "an offer to a full intake is accepted"
    elif answer is outcome.FULL and not stage.closed and free - stage.claims > 0:
        inside.spurious = True
        inside.fault = f"an offer is refused as FULL with {free} slots free"
    elif answer is outcome.CLOSED and not (stage.closed or stage.closes):
        inside.fault = "an offer to an open intake is answered CLOSED"


def _take(subject: Subject, stage: Stage, inside: Inside) -> None:
    try:
        lease = stage.intake.take(timeout=0)
    except (subject.Empty, subject.Closed):
        if stage.queued > stage.takes:
            inside.fault = f"nothing is taken with {stage.queued} queued"
        return
    inside.taken.append(lease.item)
    if lease.release() is not True:
        inside.fault = "a lease just taken is released already"


def _release(subject: Subject, stage: Stage, inside: Inside) -> None:
    del subject
    for lease in stage.held:
        if lease.release() is not True or lease.release() is not False:
            inside.fault = "a held lease is not released once"
    for lease in stage.loose:  # the operation may be releasing it
        lease.release()
    stage.held.clear()


def _close(subject: Subject, stage: Stage, inside: Inside) -> None:
    stage.intake.close()
    if stage.intake.offer("late") is not subject.Outcome.CLOSED:
        inside.fault = "an offer after close is not answered CLOSED"


ACTIONS: Final[dict[str, tuple[str, Action]]] = {
    "offer": ("offer", _offer),
    "take": ("take", _take),
    "release": ("release", _release),
    "close": ("close", _close),
}


@final
@dataclass(slots=True)
class ReentryTally:
    """Count the points at which something was called from inside, and the faults that showed.

    deadlocked: the call inside did not return. spurious: FULL with a slot free. overshot: more slots used than there are.
    wrong: other wrong answers. broken: what the audit found afterwards.
    """

    points: int = 0
    operations: int = 0
    deadlocked: int = 0
    spurious: int = 0
    overshot: int = 0
    wrong: int = 0
    broken: int = 0
    signals: bool = False
    stopped: bool = False
    witness: str = ""
    witnesses: dict[str, str] = field(default_factory=dict[str, str])  # by clause, the first
    by_way: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def cut_short(self) -> bool:
        """Tell whether the sweep ended before its end, as too much was broken."""
        return self.stopped or self.deadlocked >= STUCK

    def note(self, text: str, *clauses: str) -> None:
        """Keep the first account of a fault, and the first of each clause's; all of them are REENTRY-1's."""
        self.witness = self.witness or text
        for clause in ("REENTRY-1", *clauses):
            self.witnesses.setdefault(clause, text)

    @property
    def faults(self) -> int:
        """All of them."""
        return self.deadlocked + self.spurious + self.overshot + self.wrong + self.broken


@dataclass(slots=True)
class _Point:
    where: str = ""
    inside: Inside = field(default_factory=Inside)
    found: Audit | None = None


def _reenter(
    subject: Subject, injector: Injector, operation: Operation, position: int, way: Way, action: Action, point: _Point
) -> None:
    stage = operation.prepare(subject)
    inside = point.inside

    def call() -> None:
        action(subject, stage, inside)
        inside.ended = True

    def hook(at: int, code: CodeType, offset: int) -> None:
        if at == position:
            point.where = f"{code.co_qualname}+{offset}"
            way(call)

    answer = interrupted(injector, stage, hook)
    if not point.where:
        return
    if hasattr(answer, "release"):
        inside.taken.append(answer.item)
        answer.release()
    elif answer is subject.Outcome.ACCEPTED:
        stage.must.append(stage.may[0])
    answer = None
    point.found = audit(subject, stage, inside.taken, inside.offered)


def reenter(
    subject: Subject,
    plan: Iterable[tuple[str, str]],
    operations: Iterable[Operation] | None = None,
    stride: int = 1,
) -> ReentryTally:
    """Call inside at each bytecode of each operation. plan: pairs of a way and of what is called, as ("signal", "offer").

    Ways: "call", "finaliser", "weak reference", "signal"; the last in the main thread only, and after others, which find deadlocks.
    """
    tally = ReentryTally()
    in_main = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGUSR1")
    with sweeping(subject) as injector:
        for way, name in plan:
            need, action = ACTIONS[name]
            deadlocks = tally.deadlocked > 0  # then it would be this thread's, which nobody could end
            if need not in capabilities_of(subject) or (way == "signal" and (deadlocks or not in_main)):
                continue
            tally.signals |= way == "signal"
            sweep = _Sweep(subject, injector, tally, way, name, action)
            for operation in operations or operations_of(subject):
                progress(f"{name} from a {way} inside {operation.name}, {tally.points:,} points so far")
                sweep.operation(operation, stride)
            sweep.party.dismiss()
    tally.operations = len(tuple(operations or operations_of(subject)))
    return tally


@final
class _Sweep:
    """Sweep operations with one way and one action. Signal handlers run in the main thread, all else in a party's."""

    def __init__(self, subject: Subject, injector: Injector, tally: ReentryTally, way: str, name: str, action: Action) -> None:
        self.subject, self.injector, self.tally = subject, injector, tally
        self.way, self.name, self.action = way, name, action
        self.party = Party()

    def operation(self, operation: Operation, stride: int) -> None:
        for position in range(1, 10_000, stride):
            point = _Point()
            way = by_signal if self.way == "signal" else THREAD_WAYS[self.way]
            work = partial(_reenter, self.subject, self.injector, operation, position, way, self.action, point)
            text = ""
            if self.way == "signal":
                work()
            else:
                self.party.start(work)
                if self.party.wait(confirm_s(self.subject) if self.tally.deadlocked < 2 else 0.0) != ENDED:
                    self.tally.deadlocked += 1
                    text = f"{self.party.where()} waits for ever"
                    self.party = Party()
                elif self.party.error is not None:
                    self.tally.broken += 1
                    text = self.party.text
            if not point.where:
                if text:
                    self.tally.note(f"{operation.name}: {text}")
                    self.tally.stopped = True
                return
            self.tally.points += 1
            self.tally.by_way[self.way] = self.tally.by_way.get(self.way, 0) + 1
            overshot, spurious = self.tally.overshot, self.tally.spurious
            if text := text or self._judge(point):
                clauses = ["BOUND-1"] if self.tally.overshot > overshot else []
                clauses += ["EXACT-1"] if self.tally.spurious > spurious else []
                self.tally.note(f"{operation.name}, {self.name} from a {self.way} inside at {point.where}: {text}", *clauses)
            if self.tally.deadlocked >= STUCK:
                return

    def _judge(self, point: _Point) -> str:
        inside, found, tally = point.inside, point.found, self.tally
        if found is None or not inside.ended:
            tally.wrong += 1
            return "the call inside did not come to its end"
        if inside.fault:
            tally.spurious += inside.spurious
            tally.wrong += not inside.spurious
            return inside.fault
        if found.slots > found.capacity or found.doubled:
            tally.overshot += 1
            return tell(found)
        if found.slots != found.capacity or found.lost or found.books:
            tally.broken += 1
            return tell(found)
        return ""
