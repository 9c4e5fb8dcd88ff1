"""Histories of records beside a plain model."""

import io
import random
import threading
from contextlib import redirect_stderr, suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Final, final

from ..check import Result, Settings, Subject, Verdict
from ..injection import Interrupt
from .check_edges import Model
from .clauses import log_1, log_2
from .log_rig import Rig, Tally
from .support import by_the_living

HISTORIES: Final = {"quick": 300, "full": 6_000}
STEPS: Final = 40
CAPACITIES: Final = (1, 2, 3)


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


def run_model(subject: Subject, settings: Settings) -> Result:
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
