"""A logging thread that is frozen, or cut in on, at every bytecode."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from queue import Empty, SimpleQueue
from types import CodeType
from typing import Final, final

from ..check import Result, Settings, Subject, Verdict
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_ends, handler_entries
from ..sweeps.party import ENDED, PATIENCE_S, Frozen, Party
from .clauses import log_1
from .log_rig import Rig
from .support import by_the_living, injector_of, module_of

CONFIRM_S: Final = 1.0  # before one says that somebody waits for ever
STUCK: Final = 3  # threads left behind, waiting for ever, before a sweep ends


# Sweeps


@final
@dataclass(frozen=True, slots=True)
class Case:
    """Name a call that is swept, and how many records were logged before it.

    logs: the records that it logs itself. handles: whether it handles some, so that an exception in it may cost the one at hand.
    starts: whether the listener's thread may run afterwards.
    """

    name: str
    before: int
    call: Callable[[Rig], object]
    logs: tuple[str, ...] = ()
    handles: bool = False
    starts: bool = False

    @property
    def names(self) -> list[str]:
        """Name the records logged before."""
        return [f"before {number}" for number in range(self.before)]

    def rig(self, subject: Subject) -> Rig:
        """Make the state before the call."""
        rig = Rig(subject, CAPACITY)
        for name in self.names:
            rig.log(name)
        return rig


def _log_closed(rig: Rig) -> None:
    rig.intake.close()
    rig.log("swept")


CAPACITY: Final = 2
CASES: Final = (
    Case("log", 1, lambda rig: rig.log("swept"), logs=("swept",)),
    Case("log, full", 2, lambda rig: rig.log("swept"), logs=("swept",)),
    Case("log, closed", 1, _log_closed, logs=("swept",)),
    Case("handle", 1, lambda rig: rig.listener.handle_next(0), handles=True),
    Case("report", 4, lambda rig: rig.listener.report()),
    Case("stop", 4, lambda rig: rig.listener.stop(), handles=True),
    Case("start", 1, lambda rig: rig.listener.start(), starts=True),
)


@final
@dataclass(slots=True)
class SweepTally:
    """Count the points at which a thread was stopped or interrupted, and after how many of them something was wrong."""

    points: int = 0
    waited: int = 0
    stuck: int = 0
    peak: int = 0
    uncounted: int = 0
    witness: str = ""

    def note(self, text: str) -> None:
        self.witness = self.witness or text


def _audit(
    subject: Subject, case: Case, rig: Rig, tally: SweepTally, where: str, logged: list[str], least: int = 0, most: int = 0
) -> None:
    """Handle what is left, and see that all slots are home and that every record was handled or counted.

    least, most: the bounds of how many are neither, less those that were counted without being among `logged`.
    """
    if case.starts:
        rig.listener.stop()  # which waits for the thread, if `start` has come so far
    rig.handle_all(subject)
    read = rig.intake.statistics()
    written = rig.sink.written
    peak = max(len(rig.alive), read.peak)
    tally.peak = max(tally.peak, peak - rig.intake.capacity)
    if read.free != rig.intake.capacity or peak > rig.intake.capacity or rig.alive:
        tally.note(f"{where}: afterwards {read}, {len(rig.alive)} records are kept")
    lost = len(logged) - sum(f"record {name}" in written for name in logged) - read.full - read.closed - rig.listener.looped
    if not least <= lost <= most or len(set(written)) != len(written):
        tally.uncounted += 1
        tally.note(f"{where}: of {logged} only {written} were written, with {read}")


def _ends(party: Party, call: Callable[[], object]) -> bool:
    """Make a call, and tell whether it ends in time, without looking at its frames: that keeps alive what they refer to."""
    done: SimpleQueue[None] = SimpleQueue()

    def whole() -> None:
        try:
            call()
        finally:
            done.put(None)

    party.start(whole)
    with suppress(Empty):  # it may just be slow
        done.get(timeout=PATIENCE_S)
    return party.wait(CONFIRM_S) == ENDED


@cache
def _out_of_reach(code: CodeType) -> frozenset[int]:
    """Give the offsets where no exception can arrive: where a handler begins, and where it ends, which no table of handlers covers.

    One that a hook raises at the end leaves the handled exception, and all that it refers to, on the interpreter's stack for ever.
    """
    return handler_entries(code) | handler_ends(code)


def _injector(subject: Subject) -> Injector:
    adapter = module_of(subject, "log")
    return injector_of(subject, [adapter.RejectingHandler, adapter.RejectingListener])


@final
class _Freezer:
    """Stop a thread before each bytecode of a call, and let another log meanwhile."""

    def __init__(self, subject: Subject, injector: Injector) -> None:
        self.subject, self.injector = subject, injector
        self.tally = SweepTally()
        self.frozen, self.other = Party(), Party()

    def case(self, case: Case) -> None:
        position = 1
        while self.tally.stuck < STUCK and self._point(case, position):
            position += 1

    def _point(self, case: Case, position: int) -> bool:
        rig, tally = case.rig(self.subject), self.tally
        frozen = Frozen(self.frozen, lambda hook: self.injector.run(lambda: case.call(rig), hook), position)
        if not frozen.reached:
            if frozen.event != ENDED:
                self._stuck(f"{case.name}: with nobody else there it did not return")
            return False
        tally.points += 1
        where = f"{case.name}, stopped at {frozen.where}"
        names = [f"other {number}" for number in range(rig.intake.capacity + 1)]

        def log() -> None:
            for name in names:
                rig.log(name)

        self.other.start(log)
        ended = self.other.wait(CONFIRM_S if tally.waited < STUCK else 0.0) == ENDED
        if not ended:
            tally.waited += 1
            tally.note(f"{where}: another thread's logging waits at {self.other.where()}")
        elif self.other.error is not None:
            tally.uncounted += 1
            tally.note(f"{where}: another thread's logging raised {self.other.text}")
        if not frozen.let_go() or (not ended and self.other.wait(CONFIRM_S) != ENDED):
            self._stuck(f"{where}: let go, it did not return")
            return True
        self.frozen.answer()
        audit = partial(_audit, self.subject, case, rig, tally, where, [*case.names, *case.logs, *names])
        if not _ends(self.other, audit) or self.other.error is not None:
            self._stuck(f"{where}: let go, and afterwards the listener does not go on {self.other.text}")
        return True

    def _stuck(self, text: str) -> None:
        """Note a fault, and go on with fresh threads: those that wait for ever are left behind."""
        self.tally.note(text)
        self.tally.stuck += 1
        self.dismiss()
        self.frozen, self.other = Party(), Party()

    def dismiss(self) -> None:
        self.frozen.dismiss()
        self.other.dismiss()


def run_frozen(subject: Subject, _settings: Settings) -> Result:
    with _injector(subject) as injector:
        freezer = _Freezer(subject, injector)
        try:
            for case in CASES:
                progress(f"frozen in {case.name}, {freezer.tally.points:,} points so far")
                freezer.case(case)
        finally:
            freezer.dismiss()
    return _judge(freezer.tally, f"{freezer.tally.points:,} points stopped at in {len(CASES)} calls")


def run_cut_in(reentered: bool, subject: Subject, _settings: Settings) -> Result:
    """Log again at every bytecode of each call, one at a time, or raise an exception there."""
    tally = SweepTally()
    party = Party()
    done = "re-entered" if reentered else "interrupted"
    hook = threading.excepthook
    threading.excepthook = lambda args: None  # where an exception goes that the listener goes on after
    try:
        with quiet_finalisers(), _injector(subject) as injector:
            for case in CASES:
                progress(f"{done} in {case.name}, {tally.points:,} points so far")
                point = Point()
                while point.where and not tally.stuck:
                    point = Point(point.position + 1)
                    tally.points += 1
                    if not _ends(party, partial(_cut_in_at, subject, injector, case, point, tally, reentered)):
                        tally.stuck += 1
                        tally.note(f"{case.name}, {done} at {point.where}: {party.where()} waits for ever")
                        party.dismiss()
                        party = Party()
                    elif party.error is not None:
                        tally.uncounted += 1
                        tally.note(f"{case.name}, {done} at {point.where}: {party.text}")
                tally.points -= not point.where  # the last call ended before it
    finally:
        threading.excepthook = hook
        party.dismiss()
    return _judge(tally, f"{tally.points:,} points {done} at in {len(CASES)} calls")


@final
@dataclass(slots=True)
class Point:
    """Say before which bytecode of a call one cuts in, and, when it was reached, where that is."""

    position: int = 0
    where: str = "begin"


def _cut_in_at(subject: Subject, injector: Injector, case: Case, point: Point, tally: SweepTally, reentered: bool) -> None:
    """Cut in before one bytecode of a call, and audit. Without a place if the call ended before it."""
    rig = case.rig(subject)
    point.where = ""

    def hook(at: int, code: CodeType, offset: int) -> None:
        if at == point.position:
            point.where = f"{code.co_qualname}+{offset}"
            if reentered:
                rig.log("inside")
            elif offset not in _out_of_reach(code):
                raised.append(True)
                raise Interrupt

    raised: list[bool] = []  # and did it come out?

    def call() -> None:
        try:
            case.call(rig)
        except Interrupt:
            raised.clear()

    injector.run(call, hook)
    if not point.where:
        return
    if raised:
        tally.uncounted += 1
        tally.note(f"{case.name}, interrupted at {point.where}: the exception did not come out")
    if reentered:
        _audit(subject, case, rig, tally, f"{case.name}, re-entered at {point.where}", [*case.names, *case.logs, "inside"])
        return
    rig.log("after")
    least = -len(case.logs)  # the caller's uncertainty: the record may have been offered
    _audit(
        subject, case, rig, tally, f"{case.name}, interrupted at {point.where}", [*case.names, "after"], least, int(case.handles)
    )


def _judge(tally: SweepTally, evidence: str) -> Result:
    if not tally.points:
        return Result(Verdict.UNKNOWN, evidence, "no bytecode was reached")
    if tally.witness or tally.stuck or not log_1(tally.waited, max(tally.peak, 0), 0, tally.uncounted):
        return by_the_living(Result(Verdict.ILLEGAL, evidence, tally.witness, ("LOG-1",)))
    return Result(Verdict.OK, evidence)
