"""Judge the watch for the edges of overload: against a plain model of episodes, and with callbacks that raise (EDGE-1)."""

import random
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import monotonic, sleep
from types import CodeType
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from .clauses import edge_1
from .support import GROUP, injector_of, module_of

HISTORIES: Final = {"quick": 1_000, "full": 20_000}
STEPS: Final = 60
CAPACITIES: Final = (1, 2, 3)
EPISODES: Final = 3  # with callbacks that raise
WAIT_S: Final = 20.0  # for an edge that must come
INTERVAL_S: Final = 0.001
TELL_S: Final = 0.05  # that a callback takes: who does not wait for it is gone long before


@final
@dataclass(slots=True)
class Model:
    """Keep an intake's slots and the episodes of overload as one would on paper.

    seen: rejections before the last look. inside: those of the open episode, None outside of one.
    """

    capacity: int
    held: int = 0
    rejected: int = 0
    seen: int = 0
    inside: int | None = None

    def offer(self) -> bool:
        accepted = self.held < self.capacity
        self.held += accepted
        self.rejected += not accepted
        return accepted

    def look(self) -> tuple[str, int] | None:
        new, self.seen = self.rejected - self.seen, self.rejected
        if self.inside is not None:
            self.inside += new
            if new or self.held == self.capacity:
                return None
            edge, self.inside = ("left", self.inside), None
            return edge
        if new:
            self.inside = new
            return ("entered", new)
        return None


@final
@dataclass(slots=True)
class Tally:
    """Count episodes and what was told of them. inside: bytecodes of the watch that ran in offers."""

    looks: int = 0
    offers: int = 0
    episodes: int = 0
    entered: int = 0
    left: int = 0
    inside: int = 0
    witness: str = ""

    def note(self, text: str) -> None:
        self.witness = self.witness or text


@final
@dataclass(slots=True)
class _History:
    """Run one random history on an intake and on the model."""

    subject: Subject
    tally: Tally
    random: random.Random
    model: Model
    told: list[str] = field(default_factory=list[str])
    leases: list[Any] = field(default_factory=list[Any])

    def run(self, adapter: Any, steps: int) -> None:
        intake = self.subject.Intake(self.model.capacity)
        for _ in range(self.random.randrange(4)):  # before the watch is made: none of its business
            self._offer(intake)
        self.model.seen = self.model.rejected
        watch = adapter.OverloadWatch(intake)
        offering = self.random.random()
        for _ in range(steps):
            if self.random.random() < 0.3:
                self._look(watch)
            elif self.random.random() < offering:
                self._offer(intake)
            else:
                self._release(intake)
        while self.model.held:
            self._release(intake)
        self._look(watch)
        self._look(watch)
        if watch.overloaded:
            self.tally.note(f"{self._told()}: the watch still sees overload")

    def _offer(self, intake: Any) -> None:
        self.tally.offers += 1
        accepted = self.model.offer()
        self.told.append("offer")
        if (intake.offer("item") is self.subject.Outcome.ACCEPTED) is not accepted:
            self.tally.note(f"{self._told()}: the last offer was not answered as it is without a watch")

    def _release(self, intake: Any) -> None:
        """Take an item, or release one that was taken, if there is one."""
        queued = self.model.held - len(self.leases)
        if queued and (not self.leases or self.random.random() < 0.5):
            self.leases.append(intake.take(timeout=0))
            self.told.append("take")
        elif self.leases:
            self.leases.pop().release()
            self.model.held -= 1
            self.told.append("release")

    def _look(self, watch: Any) -> None:
        self.tally.looks += 1
        expected = self.model.look()
        edge = watch.look()
        found = None if edge is None else (edge.kind, edge.rejected)
        self.told.append("look")
        self.tally.episodes += expected is not None and expected[0] == "entered"
        self.tally.entered += found is not None and found[0] == "entered"
        self.tally.left += found is not None and found[0] == "left"
        if found != expected:
            self.tally.note(f"{self._told()}: the last look told {found}, and should tell {expected}")

    def _told(self) -> str:
        return f"capacity {self.model.capacity}, " + ", ".join(self.told)


def _inside(subject: Subject, adapter: Any, tally: Tally) -> None:
    """Count the bytecodes of the watch's module that run in offers, while a watch is there and looks."""
    intake = subject.Intake(1)
    codes: list[CodeType] = []

    def hook(_position: int, code: CodeType, _offset: int) -> None:
        codes.append(code)

    with injector_of(subject, [adapter.OverloadWatch, adapter.attempt]) as injector:
        watch = adapter.OverloadWatch(intake)
        for _ in range(3):
            injector.run(lambda: intake.offer("item"), hook)
            watch.look()
        kernel = len(codes)
        injector.run(watch.look, hook)
        if not kernel or not any(_is_of_watch(code) for code in codes[kernel:]):
            tally.note("no bytecode was seen where there must be some: the check is blind")
    tally.offers += 3
    tally.inside = sum(_is_of_watch(code) for code in codes[:kernel])
    if tally.inside:
        tally.note(f"{tally.inside} bytecodes of the watch ran inside offers")


def _is_of_watch(code: CodeType) -> bool:
    return "edges" in code.co_filename.replace("\\", "/").rpartition("/")[2]


def _model(subject: Subject, settings: Settings) -> Result:
    adapter = module_of(subject, "edges")
    tally = Tally()
    source = random.Random(settings.seed)
    histories = 0
    while histories < HISTORIES[settings.profile] and not tally.witness:
        history = _History(subject, tally, random.Random(source.random()), Model(CAPACITIES[histories % len(CAPACITIES)]))
        history.run(adapter, min(STEPS, 4 + histories // 10))  # short ones first: a fault is told by few steps
        histories += 1
    if not tally.witness:
        _inside(subject, adapter, tally)
    evidence = f"{histories:,} histories, {tally.offers:,} offers, {tally.looks:,} looks, {tally.episodes:,} episodes"
    if tally.witness or not edge_1(tally.episodes, tally.entered, tally.left, tally.inside):
        return Result(Verdict.ILLEGAL, evidence, tally.witness or f"{tally.entered} entered and {tally.left} left were told")
    return Result(Verdict.OK, evidence)


class Hostile(Exception):
    """Stand for whatever a callback may raise."""


def _callbacks(subject: Subject, _settings: Settings) -> Result:
    """Run episodes with a callback that raises, once for each edge, in the runner's own thread."""
    adapter = module_of(subject, "edges")
    intake = subject.Intake(1)
    told: SimpleQueue[tuple[Any, int]] = SimpleQueue()
    reported: list[type[BaseException]] = []
    tally = Tally()

    def tell(edge: Any) -> None:
        told.put((edge, threading.get_ident()))
        raise Hostile if edge.kind == "entered" else SystemExit

    def expect(kind: str, rejected: int) -> bool:
        waited_until_s = monotonic() + WAIT_S
        while told.empty() and monotonic() < waited_until_s and set(threading.enumerate()) - others:
            sleep(INTERVAL_S)
        if told.empty():
            tally.note(f"episode {tally.episodes}: {kind!r} was never told, after {len(reported)} callbacks that raised")
            return False
        edge, thread = told.get()
        tally.entered += edge.kind == "entered"
        tally.left += edge.kind == "left"
        if edge.kind != kind or edge.rejected > rejected or (kind == "left" and edge.rejected != rejected):
            tally.note(f"episode {tally.episodes}: {edge} was told, not {kind!r} with {rejected} rejections")
        if thread == threading.get_ident():
            tally.inside += 1
            tally.note("a callback ran in the thread that offers")
        return True

    others = set(threading.enumerate())  # whoever comes later is the watch's thread
    hook = threading.excepthook
    threading.excepthook = lambda args: reported.append(args.exc_type)
    try:
        with adapter.watched(intake, tell, interval_s=INTERVAL_S):
            for number in range(EPISODES):
                tally.episodes += 1
                answers = [intake.offer("item") for _ in range(number + 2)]
                tally.offers += len(answers)
                if answers != [subject.Outcome.ACCEPTED] + [subject.Outcome.FULL] * (number + 1):
                    tally.note(f"episode {tally.episodes}: offers were answered {answers}")
                if not expect("entered", number + 1):
                    break
                intake.take(timeout=0).release()
                if not expect("left", number + 1):
                    break
    finally:
        threading.excepthook = hook
    if not tally.witness and len(reported) != 2 * EPISODES:
        tally.note(f"{2 * EPISODES} callbacks raised, {len(reported)} exceptions were reported")
    if intake.statistics().free != 1:
        tally.note(f"afterwards {intake.statistics()}")
    if not tally.witness:
        _broken_hook(subject, adapter, tally)
        _left_by(subject, adapter, tally)
    evidence = f"{tally.episodes} episodes told by callbacks that raise, {len(reported)} exceptions reported"
    if tally.witness or not edge_1(tally.episodes, tally.entered, tally.left, tally.inside):
        return Result(Verdict.ILLEGAL, evidence, tally.witness or f"{tally.entered} entered and {tally.left} left were told")
    return Result(Verdict.OK, evidence)


def _episode(subject: Subject, adapter: Any, tell: Callable[[Any], None], error: BaseException | None = None) -> None:
    """Watch one episode begin, and leave the watch by an exception, or not."""
    intake = subject.Intake(1)
    with adapter.watched(intake, tell, interval_s=WAIT_S):
        for _ in range(2):
            intake.offer("item")
        if error is not None:
            raise error


def _broken_hook(subject: Subject, adapter: Any, tally: Tally) -> None:
    """Have the hook for a thread's exceptions raise, too: that must be reported as it is in any thread."""
    hooks = threading.excepthook, sys.excepthook
    reported: list[type[BaseException]] = []

    def broken(_args: Any) -> None:
        raise Hostile

    def tell(_edge: Any) -> None:
        raise SystemExit

    threading.excepthook = broken
    sys.excepthook = lambda kind, _error, _trace: reported.append(kind)
    try:
        _episode(subject, adapter, tell)
    finally:
        threading.excepthook, sys.excepthook = hooks
    if reported != [Hostile]:
        tally.note(f"a hook that raises was reported as {reported}")


def _left_by(subject: Subject, adapter: Any, tally: Tally) -> None:
    """Leave the watch by exceptions that mean something to generators: the last edge is told before it is left all the same."""
    for kind in (GeneratorExit, StopIteration, KeyboardInterrupt):
        told: list[str] = []

        def tell(edge: Any, told: list[str] = told) -> None:
            sleep(TELL_S)
            told.append(edge.kind)

        left_by: BaseException | None = None
        try:
            _episode(subject, adapter, tell, kind())
        except BaseException as error:  # noqa: BLE001 - judged below
            left_by = error
        if told != ["entered"] or not isinstance(left_by, kind):
            tally.note(f"left by {kind.__name__}, out came {left_by!r}, and {told} was told by then")


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="adapters.edges_model",
        group=GROUP,
        tool="random histories",
        clauses=("EDGE-1",),
        shows="in random histories each look gives what a simple model of episodes gives, with the number of rejections",
        shows_not="looks by several threads at once",
        run=_model,
    ),
    Check(
        name="adapters.edges_callbacks",
        group=GROUP,
        tool="scenario",
        clauses=("EDGE-1",),
        shows="a callback that raises changes no answer, and later edges are told all the same; its exception is reported, as is "
        "that of a broken hook; the last edge is told before a watch is left, however it is left",
        shows_not="a callback that never returns",
        run=_callbacks,
    ),
)
