"""Judge logging through an intake: against a plain model, and with a thread stopped or interrupted at every bytecode."""

import io
import logging
import random
import threading
import weakref
from collections.abc import Callable
from contextlib import redirect_stderr, suppress
from contextvars import Context
from dataclasses import dataclass, field
from functools import cache, partial
from queue import Empty, SimpleQueue
from types import CodeType
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_ends, handler_entries
from ..sweeps.party import ENDED, PATIENCE_S, Frozen, Party
from .check_edges import Model
from .clauses import log_1, log_2
from .support import GROUP, by_the_living, injector_of, module_of

HISTORIES: Final = {"quick": 300, "full": 6_000}
STEPS: Final = 40
CAPACITIES: Final = (1, 2, 3)
REPORTER: Final = "tidegate"  # the logger that the listener's own records name
LOOPING: Final = "logged itself"  # what the one of them says that is about a sink that logs into itself
CONFIRM_S: Final = 1.0  # before one says that somebody waits for ever
STUCK: Final = 3  # threads left behind, waiting for ever, before a sweep ends


class Hostile(logging.Handler):
    """Raise from `handle`, where `emit` is not there to catch it, and from the report of that as well."""

    def __init__(self, errors: tuple[type[Exception], ...]) -> None:
        super().__init__()
        self.errors = errors
        self.reported = 0

    def handle(self, record: logging.LogRecord) -> Any:
        raise self.errors[record.created > 0 and len(record.getMessage()) % len(self.errors)]

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in `logging`
        self.reported += 1


@final
class Sink(logging.Handler):
    """Note what the listener hands over, and let something happen while a record is being written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.reports: list[int] = []
        self.loops: list[int] = []
        self.bare = 0  # without their arguments
        self.meanwhile: Callable[[], None] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == REPORTER and isinstance(record.args, tuple):
            told = self.loops if LOOPING in record.getMessage() else self.reports
            told += [number for number in record.args if isinstance(number, int) and str(number) in record.getMessage()]
            return
        self.bare += not record.args
        self.written.append(record.getMessage())
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()


@final
class Rig:
    """Put a logger, its handler, an intake and a listener together. alive: records that were prepared and still exist."""

    def __init__(self, subject: Subject, capacity: int) -> None:
        adapter = module_of(subject, "log")
        self.intake = subject.Intake(capacity)
        self.alive: weakref.WeakSet[Any] = weakref.WeakSet()
        self.sink = Sink()
        self.hostile = Hostile((ValueError, subject.Closed, subject.Empty))
        self.listener = adapter.RejectingListener(self.intake, self.hostile, self.sink)
        self.handler = adapter.RejectingHandler(self.intake)
        prepare = self.handler.prepare

        def prepared(record: logging.LogRecord) -> Any:
            record = prepare(record)
            self.alive.add(record)
            return record

        self.handler.prepare = prepared
        self.logger = logging.Logger("swept")  # noqa: LOG001 - nobody else's, and of no hierarchy
        self.logger.addHandler(self.handler)

    def log(self, name: object) -> None:
        self.logger.info("record %s", name)

    def handle_all(self, subject: Subject) -> None:
        """Handle what is queued."""
        try:
            while True:
                self.listener.handle_next(0)
        except (subject.Empty, subject.Closed):
            pass


@final
@dataclass(slots=True)
class Tally:
    """Count records, and what became of them."""

    logged: int = 0
    peak: int = 0
    uncounted: int = 0
    episodes: int = 0
    entered: int = 0
    left: int = 0
    witness: str = ""
    blames: tuple[str, ...] = ()

    def note(self, clause: str, text: str) -> None:
        """Keep the first account of a fault."""
        if not self.witness:
            self.witness, self.blames = text, (clause,)


@final
@dataclass(slots=True)
class _History:
    """Run one random history on a rig and on the model, in one thread."""

    subject: Subject
    tally: Tally
    random: random.Random
    rig: Rig
    model: Model
    queue: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])  # and whether it is an echo
    written: list[str] = field(default_factory=list[str])
    reports: list[int] = field(default_factory=list[int])
    told: list[str] = field(default_factory=list[str])
    logged: int = 0
    looped: int = 0  # logged while an echo was written
    loops: list[int] = field(default_factory=list[int])

    def run(self, steps: int) -> None:
        logging_ = self.random.random()
        for _ in range(steps):
            if self.random.random() < 0.2:
                self._report()
            elif self.random.random() < logging_:
                self._log()
            else:
                self._handle()
        self._end()

    def _log(self, inside: str = "") -> None:
        """Log, inside of nothing, or while a record is written that is ordinary, or an echo itself."""
        self.logged += 1
        self.told.append(f"log inside {inside}" if inside else "log")
        if inside == "an echo":
            self.looped += 1
        elif self.model.offer():
            self.queue.append((f"record {self.logged}", bool(inside)))
        self.rig.log(self.logged)
        self._alive(self.model.held)
        if self.rig.listener.looped != self.looped:
            self.tally.note("LOG-1", f"{self._told()}: {self.looped} were dropped in a loop, counted {self.rig.listener.looped}")
        if self.rig.intake.statistics().full != self.model.rejected:
            self.tally.note(
                "LOG-1", f"{self._told()}: {self.model.rejected} were dropped, not what {self.rig.intake.statistics()} says"
            )

    def _handle(self) -> None:
        self.told.append("handle")
        if not self.queue:
            self.rig.handle_all(self.subject)
            return
        more = self.random.choice((0, 0, 1, 2))
        name, echo = self.queue.pop(0)
        elsewhere = self.random.random() < 0.5

        def meanwhile() -> None:
            for _ in range(more):  # the record that is being written still holds its slot
                if elsewhere:
                    Context().run(self._log)  # as a thread of its own would
                else:
                    self._log("an echo" if echo else "a record")

        self.rig.sink.meanwhile = meanwhile
        self.written.append(name)
        self.rig.listener.handle_next(0)
        self.model.held -= 1
        self._compare()

    def _report(self) -> None:
        self.told.append("look")
        self._look()
        self.rig.listener.report()
        self._compare()

    def _look(self) -> None:
        if self.looped and not self.loops:
            self.loops.append(self.looped)
        edge = self.model.look()
        if edge is not None:
            self.reports.append(edge[1])
            self.tally.episodes += edge[0] == "entered"

    def _end(self) -> None:
        """Stop the listener, with or without its thread: it handles what is left, and reports the end of an open episode.

        A start may fail before it: then it is as if there had been none.
        """
        for failing in self.random.choice(((), (False,), (True,), (True, False))):
            self.told.append("start that fails" if failing else "start")
            self._start(failing)
        self.told.append("stop")
        self.rig.listener.stop()
        while self.queue:
            self.written.append(self.queue.pop(0)[0])
            self.model.held -= 1
            self._look()
        self._look()
        self._look()
        self._compare()
        self.rig.log("late")
        self.rig.listener.stop()
        self._compare()
        read = self.rig.intake.statistics()
        self.tally.uncounted += abs(self.logged + 1 - len(self.rig.sink.written) - read.full - read.closed - self.looped)
        if (read.full, read.closed, read.free) != (self.model.rejected, 1, self.model.capacity):
            self.tally.note("LOG-1", f"{self._told()}: {self.model.rejected} and 1 were dropped, the intake counts {read}")
        self.tally.logged += self.logged + 1
        self.tally.entered += (len(self.rig.sink.reports) + 1) // 2
        self.tally.left += len(self.rig.sink.reports) // 2

    def _start(self, failing: bool) -> None:
        """Start the listener, or fail to: before the thread is there, or after."""
        kind: Any = threading.Thread
        start = kind.start
        late = self.random.random() < 0.5

        def fail(thread: threading.Thread) -> None:
            if late:
                start(thread)
            raise Interrupt

        if failing:
            kind.start = fail
        try:
            with suppress(Interrupt):
                self.rig.listener.start()
        finally:
            kind.start = start

    def _alive(self, expected: int) -> None:
        alive = len(self.rig.alive)
        self.tally.peak = max(self.tally.peak, alive - self.model.capacity)
        if alive != expected:
            self.tally.note("LOG-1", f"{self._told()}: {alive} records are kept, with {expected} unfinished")

    def _compare(self) -> None:
        self._alive(self.model.held)
        sink = self.rig.sink
        if sink.written != self.written:
            self.tally.note("LOG-1", f"{self._told()}: {sink.written} were written, not {self.written}")
        if sink.reports != self.reports:
            self.tally.note("LOG-2", f"{self._told()}: {sink.reports} drops were reported, not {self.reports}")
        if sink.bare:
            self.tally.note("LOG-1", f"{self._told()}: a record reached the handlers without its arguments")
        if sink.loops != self.loops:
            self.tally.note("LOG-1", f"{self._told()}: {sink.loops} dropped in a loop were reported, not {self.loops}")
        if self.rig.hostile.reported != len(sink.written) + len(sink.reports) + len(sink.loops):
            self.tally.note("LOG-1", f"{self._told()}: an exception of a handler was not reported to that handler")

    def _told(self) -> str:
        return f"capacity {self.model.capacity}, " + ", ".join(self.told)


def _model(subject: Subject, settings: Settings) -> Result:
    tally = Tally()
    source = random.Random(settings.seed)
    histories = 0
    printed = io.StringIO()
    with redirect_stderr(printed):
        while histories < HISTORIES[settings.profile] and not tally.witness:
            capacity = CAPACITIES[histories % len(CAPACITIES)]
            history = _History(subject, tally, random.Random(source.random()), Rig(subject, capacity), Model(capacity))
            try:
                history.run(min(STEPS, 3 + histories // 6))  # short ones first: a fault is told by few steps
            except Exception as error:  # noqa: BLE001 - logging must not raise, nor the listener
                tally.note("LOG-1", f"capacity {capacity}, {', '.join(history.told)}: {type(error).__name__}: {error}")
            if printed.tell():
                tally.note("LOG-1", f"{', '.join(history.told)}: stderr got {printed.getvalue()[-200:]!r}")
            histories += 1
    evidence = f"{histories:,} histories, {tally.logged:,} records, {tally.episodes:,} episodes"
    if not log_1(0, max(tally.peak, 0), 0, tally.uncounted):
        tally.note("LOG-1", f"{tally.uncounted} records neither handled nor counted, {tally.peak} kept beyond the capacity")
    if not log_2(tally.episodes, tally.entered, tally.left):
        tally.note("LOG-2", f"{tally.episodes} episodes, {tally.entered} entered and {tally.left} left were reported")
    if tally.witness:
        return by_the_living(Result(Verdict.ILLEGAL, evidence, tally.witness, tally.blames))
    return Result(Verdict.OK, evidence)


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


def _freeze(subject: Subject, _settings: Settings) -> Result:
    with _injector(subject) as injector:
        freezer = _Freezer(subject, injector)
        try:
            for case in CASES:
                progress(f"frozen in {case.name}, {freezer.tally.points:,} points so far")
                freezer.case(case)
        finally:
            freezer.dismiss()
    return _judge(freezer.tally, f"{freezer.tally.points:,} points stopped at in {len(CASES)} calls")


def _cut_in(reentered: bool, subject: Subject, _settings: Settings) -> Result:
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


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="adapters.log_model",
        group=GROUP,
        tool="random histories",
        clauses=("LOG-1", "LOG-2"),
        shows="in random histories each record is written or counted, none kept beyond the capacity, each episode reported once",
        shows_not="several producers at once",
        run=_model,
    ),
    Check(
        name="adapters.log_freeze",
        group=GROUP,
        tool="bytecode sweep",
        clauses=("LOG-1",),
        shows="a thread stopped for ever at any bytecode of logging, of handling or of a report delays no other thread that logs",
        shows_not="bytecode of `logging` itself; a formatter that waits",
        run=_freeze,
    ),
    Check(
        name="adapters.log_interrupt",
        group=GROUP,
        tool="bytecode sweep",
        clauses=("LOG-1",),
        shows="an exception at any bytecode of logging, of handling or of a report loses no slot and no other record",
        shows_not="bytecode of `logging` itself",
        run=partial(_cut_in, False),
    ),
    Check(
        name="adapters.log_reentry",
        group=GROUP,
        tool="bytecode sweep",
        clauses=("LOG-1",),
        shows="a signal handler or finaliser that logs at any bytecode of logging, of handling or of a report is served at once",
        shows_not="bytecode of `logging` itself",
        run=partial(_cut_in, True),
    ),
)
