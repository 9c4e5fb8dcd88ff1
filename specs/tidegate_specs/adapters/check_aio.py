"""Hold the intake for event loops to its clauses: histories beside a model, and an end at every await and bytecode.

The loop is turned by hand: a turn runs what is ready and never waits, so that nothing here can hang or depend on time. A history is
a row of steps ("start A", "turn", "offer", "cancel A"); trio, where it is installed, runs the same rows, a turn for a checkpoint.
"""

import asyncio
import importlib.util
import queue
import random
import sys
import tracemalloc
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from operator import attrgetter
from types import CodeType
from typing import Any, ClassVar, Final, TypeVarTuple, Unpack, cast, final
from unittest import mock

from ..check import Check, Result, Settings, Subject, Verdict
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_entries
from ..sweeps.party import ENDED, Party
from .clauses import async_1, async_2, async_2_crowd, async_3, async_3_foreign
from .support import GROUP, injector_of, module_of

CAPACITY: Final = 2
SETTLE: Final = 10  # turns in which everything that can happen has happened, with the few tasks there are here
BURST: Final = 1000
FEW: Final = 16
MANY: Final = 4000
POINTER_BYTES: Final = 8
ENOUGH: Final = 10  # faults, to stop at
HISTORIES: Final = {"quick": 400, "full": 8000}
ACTIONS: Final = 40
KERNEL_STRIDE: Final = {"quick": 5, "full": 1}  # each bytecode of the adapter is swept, one in so many of the kernel's
Ts = TypeVarTuple("Ts")
TRIO: Final = importlib.util.find_spec("trio") is not None

_threads: Callable[[], dict[int, Any]] = attrgetter("_current_frames")(sys)  # documented, in spite of its name


@final
class HandLoop(asyncio.SelectorEventLoop):
    """An asyncio loop that is turned by hand, and counts the calls that wake it."""

    def __init__(self) -> None:
        super().__init__()
        self.wake_ups = 0
        self.told: list[BaseException] = []  # exceptions that ended a callback
        self.set_exception_handler(_drop)

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self.wake_ups += 1
        return super().call_soon_threadsafe(callback, *args, context=context)

    def turn(self, turns: int = 1) -> None:
        """Run what is ready now; so many times."""
        left = turns

        def count() -> None:
            nonlocal left
            left -= 1
            self.call_soon(count) if left else self.stop()

        self.call_soon(count)
        self.run_forever()


def _drop(loop: object, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if isinstance(loop, HandLoop) and isinstance(error, BaseException):
        loop.told.append(error)
    _forget(error)


def _nothing() -> None:
    """Stand where a task's cancellation was."""


def _forget(error: BaseException | None) -> None:
    """Let go of what an exception's traceback keeps."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


@final
@dataclass(eq=False, slots=True)
class Taker:
    """A task that takes one item and holds it until it is let go, or a drain (which takes none)."""

    name: str
    end: Callable[[], object]  # cancels it
    gate: Any
    began: bool = False
    item: Any = None
    held: bool = False
    ended: str = ""

    @property
    def waiting(self) -> bool:
        return self.began and not self.held and not self.ended


@final
class Scene:
    """One intake, the takers and drains on it, and what they saw. The same for both libraries."""

    def __init__(self, subject: Subject, capacity: int = CAPACITY) -> None:
        self.subject = subject
        self.intake: Any = module_of(subject, "aio").AsyncIntake(capacity)
        self.takers: dict[str, Taker] = {}
        self.accepted: list[int] = []
        self.entered: list[int] = []
        self.told: list[BaseException] = []  # what ended a taker as closed
        self.left = 0
        self.offered = 0
        self.closed = False

    def offer(self) -> Any:
        """Offer the next number."""
        self.offered += 1
        number = self.offered
        answer = self.intake.offer(number)
        if answer is self.subject.Outcome.ACCEPTED:
            self.accepted.append(number)
        return answer

    def close(self) -> None:
        self.closed = True
        self.intake.close()

    async def run(self, taker: Taker) -> None:
        """Be a taker ("A"), a worker that iterates ("for A"), or a drain ("drain A")."""
        taker.began = True
        try:
            if taker.name.startswith("drain"):
                self.closed = True
                await self.intake.drain()
            elif taker.name.startswith("for"):
                async for lease in self.intake:
                    try:
                        with lease as item:
                            await self._hold(taker, item)
                    finally:
                        self.left += 1
            else:
                try:
                    async with self.intake.take() as item:
                        await self._hold(taker, item)
                finally:
                    self.left += taker.item is not None
            taker.ended = "done"
        except self.subject.Closed as error:
            taker.ended = "closed"
            self.told.append(error)
            _forget(error)
        finally:
            taker.ended = taker.ended or "cancelled"

    async def _hold(self, taker: Taker, item: Any) -> None:
        taker.item = item
        self.entered.append(item)
        taker.held = True
        try:
            await taker.gate.wait()
        finally:
            taker.held = False

    def asleep(self) -> list[str]:
        """Name who waits although there is an item, or although the intake is closed and nothing will come, or is left."""
        read = self.intake.statistics()
        takers = [taker.name for taker in self.takers.values() if taker.waiting and not taker.name.startswith("drain")]
        drains = [taker.name for taker in self.takers.values() if taker.waiting and taker.name.startswith("drain")]
        found = takers if read.queued or self.closed else []
        return found + (drains if read.free == read.capacity else [])


@final
@dataclass(slots=True)
class Tally:
    """Count points, and what was lost after them."""

    points: int = 0
    slots_lost: int = 0
    items_lost: int = 0
    asleep: int = 0
    witness: str = ""

    @property
    def faults(self) -> int:
        return self.slots_lost + self.items_lost + self.asleep

    def audit(self, scene: Scene, asleep: Sequence[str], where: str) -> None:
        """Count what is missing, when all has come to rest and nobody holds anything.

        An item that was released without anyone having had it is lost; so is one that two had.
        """
        read = scene.intake.statistics()
        slots = read.in_flight
        if not scene.closed:
            room = read.capacity - read.queued
            answers = [scene.intake.offer("audit") for _ in range(room + 1)]
            accepted = sum(answer is scene.subject.Outcome.ACCEPTED for answer in answers)
            slots = max(slots, abs(room - accepted))
        items = max(0, read.released - len(scene.entered)) + len(scene.entered) - len(set(scene.entered))
        items += max(0, len(scene.accepted) - read.accepted)
        self.points += 1
        self.slots_lost += slots
        self.items_lost += items
        self.asleep += len(asleep)
        if (slots or items or asleep) and not self.witness:
            sleepers = f" ({', '.join(asleep)})" if asleep else ""
            self.witness = f"{where}: {slots} slots lost, {items} items lost, {len(asleep)} left asleep{sleepers}"


@final
class Hand:
    """Do the steps of a history on a loop of asyncio that is turned by hand."""

    def __init__(self, subject: Subject, loop: HandLoop, capacity: int = CAPACITY) -> None:
        self.scene = Scene(subject, capacity)
        self.loop = loop
        self.tasks: list[asyncio.Task[None]] = []
        self.wrap: Callable[[str, Coroutine[Any, Any, None]], Awaitable[None]] = lambda _, work: work

    def do(self, step: str) -> None:
        """Do one step: "start NAME", "turn", "offer", "let NAME", "cancel NAME", "close"."""
        verb, _, name = step.partition(" ")
        if verb == "turn":
            self.loop.turn()
        elif verb == "settle":
            self.loop.turn(SETTLE)
        elif verb == "start":
            self._start(name)
        elif verb == "let":
            self.scene.takers[name].gate.set()
        elif verb == "cancel":
            self.scene.takers[name].end()
        else:
            getattr(self.scene, verb)()

    def _start(self, name: str) -> None:
        async def run() -> None:
            await self.wrap(name, self.scene.run(self.scene.takers[name]))

        task = self.loop.create_task(run())
        self.tasks.append(task)
        self.scene.takers[name] = Taker(name, task.cancel, asyncio.Event())

    def rest(self) -> list[str]:
        """Come to rest; name who is left asleep; let go of everything."""
        self.loop.turn(SETTLE)
        self._forget_ended()
        self.loop.turn(SETTLE)  # what the exceptions' tracebacks kept may have woken somebody
        asleep = self.scene.asleep()
        if asleep and self.scene.closed and self.scene.offer() is not self.scene.subject.Outcome.CLOSED:
            self.scene.closed = False  # the close was interrupted before it did anything
            self.loop.turn(SETTLE)
            asleep = self.scene.asleep()
        for taker in self.scene.takers.values():
            taker.gate.set()
        self.loop.turn(SETTLE)
        asleep += [name for name in self.scene.asleep() if name not in asleep]
        self.dismiss()
        return asleep

    def dismiss(self) -> None:
        """End all tasks."""
        for task in self.tasks:
            task.cancel()
        self.loop.turn(3)
        self._forget_ended()

    def _forget_ended(self) -> None:
        """Let go of tasks that ended, as each keeps the traceback of the exception that ended it."""
        for taker in self.scene.takers.values():
            if taker.ended:
                taker.end = _nothing
        for task in self.tasks:
            if task.done() and not task.cancelled():
                _forget(task.exception())
        self.tasks = [task for task in self.tasks if not task.done()]


@contextmanager
def hand_loop() -> Generator[HandLoop]:
    loop = HandLoop()
    try:
        yield loop
    finally:
        loop.turn(2)
        loop.close()


# Random histories beside a model


@final
class History:
    """One random history on the intake, with a model of two numbers and a row beside it: what is unfinished, and in which order."""

    def __init__(self, subject: Subject, loop: HandLoop, choose: random.Random) -> None:
        self.hand = Hand(subject, loop, choose.randint(1, 4))
        self.scene = self.hand.scene
        self.outcomes = subject.Outcome
        self.choose = choose
        self.steps: list[str] = []

    def expected(self) -> Any:
        """Tell what the model answers to an offer now."""
        if self.scene.closed:
            return self.outcomes.CLOSED
        return (
            self.outcomes.FULL
            if len(self.scene.accepted) - self.scene.left == self.scene.intake.capacity
            else self.outcomes.ACCEPTED
        )

    def step(self) -> str:
        """Do one random step; say what is wrong afterwards, or nothing."""
        takers = self.scene.takers
        live = [name for name, taker in takers.items() if not taker.ended]
        kinds = ["offer"] * 8 + ["turn"] * 4 + ["settle"] * 3 + ["start"] * 5 * (len(live) < 6) + ["cancel", "let"] * 3 * bool(live)
        kind = self.choose.choice(kinds)
        if self.choose.random() < 0.01:
            kind = "close"
        if kind == "start":
            word = self.choose.choices(["", "for ", "drain "], [57, 38, 5])[0]
            kind = f"start {word}{len(takers)}"
        elif kind in {"cancel", "let"}:
            kind = f"{kind} {self.choose.choice(live)}"
        self.steps.append(kind)
        if kind == "offer":
            wanted = self.expected()
            answer = self.scene.offer()
            return "" if answer is wanted else f"an offer was answered {answer}, and should have been {wanted}"
        self.hand.do(kind)
        if self.scene.entered != self.scene.accepted[: len(self.scene.entered)]:
            return f"accepted {self.scene.accepted}, taken {self.scene.entered}"
        early = [taker.name for taker in takers.values() if taker.ended == "closed" and not self.scene.closed]
        if early:
            return f"taker {early[0]} was told that an open intake is closed"
        return ""


def _model(subject: Subject, settings: Settings) -> Result:
    choose = random.Random(settings.seed)
    histories, steps, asleep, wrong, witness = 0, 0, 0, 0, ""
    tally = Tally()
    threads = len(_threads())
    started = 0
    with hand_loop() as loop:
        for _ in range(HISTORIES[settings.profile]):
            history = History(subject, loop, choose)
            fault = ""
            for _ in range(ACTIONS):
                fault = history.step()
                if history.steps[-1] == "settle" and (sleepers := history.scene.asleep()):
                    asleep += len(sleepers)
                    fault = f"{', '.join(sleepers)} left asleep with {history.scene.intake.statistics()}"
                if fault:
                    wrong += 1
                    break
            started = max(started, len(_threads()) - threads)
            tally.audit(history.scene, history.hand.rest(), "at the end")
            histories += 1
            steps += len(history.steps)
            if (fault or tally.faults) and not witness:
                witness = f"after {'; '.join(history.steps)}: {fault or tally.witness}"
            if wrong + tally.faults >= ENOUGH:
                break
    evidence = (
        f"{histories} histories, {steps:,} steps: {wrong} differ from the model, "
        f"{tally.faults + asleep} slots, items or wake-ups lost"
    )
    blames: tuple[str, ...] = () if async_2(started, asleep + tally.asleep) else ("ASYNC-2",)
    if not async_3(tally.points, tally.slots_lost, tally.items_lost, 0):
        blames += ("ASYNC-3",)
    if wrong > (1 if asleep else 0) and not blames:
        blames = ("ASYNC-1",)
    return (
        Result(Verdict.ILLEGAL, evidence, witness or f"{started} threads were started", blames)
        if wrong or blames
        else Result(Verdict.OK, evidence)
    )


# A cancellation at every await

HISTORIES_CANCELLED: Final[dict[str, tuple[str, tuple[tuple[str, ...], ...]]]] = {
    "three takers and two items": (
        "start A;turn;start B;turn;start C;turn;offer;turn;turn;turn;turn;offer;turn;turn;turn;turn",
        (("A",), ("B",), ("A", "B"), ("B", "A")),
    ),
    "two items at once": (
        "start A;start B;start C;turn;turn;offer;offer;turn;turn;turn;turn;turn",
        (("A",), ("B",), ("A", "B"), ("A", "C")),
    ),
    "two workers": (
        "start for A;start for B;turn;offer;turn;turn;turn;offer;turn;let for A;turn;turn;offer;turn;turn",
        (("for A",), ("for B",)),
    ),
    "an item is there": (
        "offer;offer;start A;turn;start B;turn;start C;turn;let A;turn;offer;turn;turn",
        (("A",), ("B",), ("C",)),
    ),
    "closed": ("start A;start B;turn;turn;close;turn;turn;turn", (("A",), ("B",))),
    "two drains": (
        "start A;offer;turn;turn;start drain D;turn;start drain E;turn;let A;turn;turn;turn",
        (("drain D",), ("drain E",), ("A",), ("A", "drain D")),
    ),
    "a drain and a taker": (
        "start A;start B;offer;turn;turn;start drain D;turn;turn;let A;turn;turn",
        (("A",), ("B",), ("drain D",)),
    ),
}


def _rows() -> Iterator[tuple[str, list[str], tuple[str, ...]]]:
    """Give every row of steps with a cancellation of every victim put in after each step from its start on."""
    for title, (text, groups) in HISTORIES_CANCELLED.items():
        steps = text.split(";")
        for victims in groups:
            begin = max(steps.index(f"start {victim}") for victim in victims)
            for at in range(begin + 1, len(steps) + 1):
                yield title, [*steps[:at], *(f"cancel {victim}" for victim in victims), *steps[at:]], victims


@dataclass(slots=True)
class _Thrown(Awaitable[None]):
    """Drive a coroutine by hand, and throw at one of its suspensions: before it sleeps there, or when it has been woken."""

    work: Coroutine[Any, Any, None]
    at: int
    woken: bool
    error: type[BaseException]
    suspensions: int = 0

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            waits_for = self.work.send(None)
            while True:
                self.suspensions += 1
                if self.suspensions == self.at and not self.woken:
                    waits_for = self.work.throw(self.error())
                yield waits_for
                waits_for = self.work.throw(self.error()) if self.suspensions == self.at else self.work.send(None)
        except StopIteration:
            return


def _thrown(subject: Subject, loop: HandLoop, tally: Tally) -> int:
    """Throw at every suspension of every taker and drain of the rows; give the number of suspensions."""
    suspensions = 0
    for title, (text, groups) in HISTORIES_CANCELLED.items():
        for victim in sorted({victim for victims in groups for victim in victims}):
            for error in (asyncio.CancelledError, GeneratorExit, Interrupt):
                at, more = 0, True
                while more and tally.faults < ENOUGH:
                    at += 1
                    for woken in (False, True):
                        hand = Hand(subject, loop)
                        driven: list[_Thrown] = []

                        def wrap(
                            name: str,
                            work: Coroutine[Any, Any, None],
                            at: int = at,
                            woken: bool = woken,
                            driven: list[_Thrown] = driven,
                            victim: str = victim,
                            error: type[BaseException] = error,
                        ) -> Awaitable[None]:
                            if name != victim:
                                return work
                            driven.append(_Thrown(work, at, woken, error))
                            return driven[0]

                        hand.wrap = wrap
                        for step in text.split(";"):
                            hand.do(step)
                        asleep = hand.rest()
                        more = bool(driven) and driven[0].suspensions >= at
                        if more:
                            when = "woken from" if woken else "at"
                            tally.audit(hand.scene, asleep, f"asyncio, {title}: {error.__name__} in {victim} {when} its await {at}")
                suspensions += max(0, at - 1)
    return suspensions


async def _in_trio(subject: Subject, steps: Iterable[str]) -> tuple[Scene, list[str]]:
    """Do the steps of a history in trio."""
    trio: Any = importlib.import_module("trio")
    scene = Scene(subject)

    async def run(taker: Taker, scope: Any) -> None:
        with scope:
            await scene.run(taker)

    async def turn(turns: int) -> None:
        for _ in range(turns):
            await trio.lowlevel.cancel_shielded_checkpoint()

    async with trio.open_nursery() as nursery:
        for step in steps:
            verb, _, name = step.partition(" ")
            if verb == "turn":
                await turn(1)
            elif verb == "start":
                scope = trio.CancelScope()
                scene.takers[name] = Taker(name, scope.cancel, trio.Event())
                nursery.start_soon(run, scene.takers[name], scope)
            elif verb == "let":
                scene.takers[name].gate.set()
            elif verb == "cancel":
                scene.takers[name].end()
            else:
                getattr(scene, verb)()
        await turn(SETTLE)
        asleep = scene.asleep()
        for taker in scene.takers.values():
            taker.gate.set()
        await turn(SETTLE)
        asleep += [name for name in scene.asleep() if name not in asleep]
        nursery.cancel_scope.cancel()
    return scene, asleep


def _cancel(subject: Subject, settings: Settings) -> Result:
    _ = settings
    tally = Tally()
    in_trio = 0
    with hand_loop() as loop, quiet_finalisers():
        for title, steps, victims in _rows():
            hand = Hand(subject, loop)
            for step in steps:
                hand.do(step)
            tally.audit(
                hand.scene, hand.rest(), f"asyncio, {title}: {', '.join(victims)} cancelled after {'; '.join(_before(steps))}"
            )
            if tally.faults >= ENOUGH:
                break
        progress(f"{tally.points} cancellations")
        suspensions = _thrown(subject, loop, tally)
    if TRIO and tally.faults < ENOUGH:
        trio: Any = importlib.import_module("trio")
        before = tally.points
        for title, steps, victims in _rows():
            scene, asleep = trio.run(_in_trio, subject, steps)
            tally.audit(scene, asleep, f"trio, {title}: {', '.join(victims)} cancelled after {'; '.join(_before(steps))}")
            if tally.faults >= ENOUGH:
                break
        in_trio = tally.points - before
    evidence = (
        f"{tally.points} ends at {suspensions} awaits, {f'{in_trio} of them in trio' if TRIO else 'trio: not installed'}: "
        f"{tally.slots_lost} slots, {tally.items_lost} items, {tally.asleep} wake-ups lost"
    )
    if async_3(tally.points, tally.slots_lost, tally.items_lost, tally.asleep):
        return Result(Verdict.OK, evidence)
    return Result(Verdict.ILLEGAL, evidence, tally.witness)


def _before(steps: Sequence[str]) -> list[str]:
    return list(steps[: next(at for at, step in enumerate(steps) if step.startswith("cancel"))])


# An exception at every bytecode

SWEPT: Final[dict[str, tuple[str, str]]] = {  # what comes before, and what is interrupted
    "offer, two wait": ("start A;start B;settle", "offer"),
    "offer to a full intake": ("offer;offer", "offer"),
    "offer to a closed intake": ("close", "offer"),
    "two offers and the turns that serve them": ("start A;start B;settle", "offer;offer;turn;turn;turn;turn"),
    "wake one of two": ("start A;start B;settle;offer", "turn;turn;turn"),
    "come, wait, be served beside another": ("start B;settle", "start A;turn;offer;turn;turn;offer;turn;turn"),
    "come when an item is there": ("offer;start for B;settle;offer", "start A;turn"),
    "cancelled when woken": ("start A;start B;settle;offer;turn;cancel A", "turn;turn;turn"),
    "cancelled when asleep": ("start A;start B;settle;cancel A", "turn;turn"),
    "leave": ("start A;offer;settle;start B;let A", "turn;turn"),
    "leave, a drain waits": ("start A;offer;settle;start drain D;settle;let A", "turn;turn;turn"),
    "iterate, leave and come again": ("start for A;start B;offer;settle;let for A", "turn;turn;offer;turn;turn"),
    "close, two wait": ("start A;start B;settle", "close"),
    "close and the turns that tell": ("start A;start for B;settle", "close;turn;turn;turn"),
    "drain, a taker waits": ("start A;settle", "start drain D;turn;turn;turn"),
    "the last of a closed intake": ("offer;close;start A;start B", "turn;turn;turn"),
}


def _point(injector: Injector, hand: Hand, steps: str, hook: Callable[[int, CodeType, int], None]) -> list[BaseException]:
    """Do the steps with a hook; an exception ends one step and not the row. Give what came out."""
    came: list[BaseException] = []

    def row() -> None:
        for step in steps.split(";"):
            try:
                hand.do(step)
            except BaseException as error:
                if not isinstance(error, Interrupt) and type(error).__name__ != "Foreign":
                    raise
                came.append(error)
                _forget(error)  # its traceback would keep what was lost from dying

    injector.run(row, hook)
    return came


def _positions(subject: Subject, injector: Injector, loop: HandLoop, row: tuple[str, str], stride: int) -> list[int]:
    """Choose the bytecodes of a row to interrupt at: all of the adapter's, one in `stride` of the kernel's, 0: none."""
    own = module_of(subject, "aio").AsyncIntake.offer.__code__.co_filename
    before, steps = row
    hand = Hand(subject, loop)
    for step in before.split(";"):
        hand.do(step)
    chosen: list[int] = []

    def hook(at: int, code: CodeType, offset: int) -> None:
        if (code.co_filename == own or (stride and not at % stride)) and offset not in handler_entries(code):
            chosen.append(at)

    _point(injector, hand, steps, hook)
    hand.rest()
    return chosen


@contextmanager
def _dropped_by_finalisers() -> Generator[list[object]]:
    """Note an interruption that the interpreter drops. It is the first of its row: nothing had been lost before."""
    dropped: list[object] = []

    def note(args: "sys.UnraisableHookArgs") -> None:
        if not dropped:
            dropped.append(args.exc_type)

    quiet, sys.unraisablehook = sys.unraisablehook, note
    try:
        yield dropped
    finally:
        sys.unraisablehook = quiet


@contextmanager
def _sweeping(subject: Subject) -> Generator[tuple[HandLoop, Injector]]:
    """Give a loop and an injector, and silence what an exception between making a coroutine and awaiting it makes asyncio say."""
    aio = module_of(subject, "aio")
    with warnings.catch_warnings(), quiet_finalisers(), hand_loop() as loop:
        warnings.simplefilter("ignore", RuntimeWarning)
        with injector_of(subject, (aio.AsyncIntake, aio.AsyncLease)) as injector:
            yield loop, injector


def _foreign_types(subject: Subject) -> tuple[type[BaseException], ...]:
    """Name what is raised and caught in the adapter and the kernel, and what the interpreter gives a meaning.

    But for StopAsyncIteration, which ends an `async for` wherever it comes from.
    """
    ours = (subject.Empty, subject.Closed, queue.Empty, IndexError, ValueError, RuntimeError)
    return (*ours, StopIteration, GeneratorExit, MemoryError, RecursionError, Interrupt)


FOREIGN: Final[dict[str, tuple[str, str]]] = {  # what comes before, and what is interrupted
    "offer, two wait": ("start A;start B;settle", "offer"),
    "wake one of two": ("start A;start for B;settle;offer", "turn;turn"),
    "come": ("offer;settle", "start for A;turn"),
    "leave, a drain waits": ("start A;offer;settle;start drain D;settle;let A", "turn;turn"),
    "close, two wait": ("start A;start for B;settle", "close;turn;turn"),
}


def _foreign(subject: Subject, loop: HandLoop, injector: Injector) -> tuple[int, int, str]:
    """Raise each type at each bytecode of the adapter. Give the number of points, of exceptions that never came out, and one."""
    own = module_of(subject, "aio").AsyncIntake.offer.__code__.co_filename
    points, kept, witness = 0, 0, ""
    for title, (before, steps) in FOREIGN.items():
        for position in _positions(subject, injector, loop, (before, steps), 0):
            for number, kind in enumerate(_foreign_types(subject)):
                if kind is not Interrupt and (position + number) % 2:
                    continue  # a neighbour has it
                error = cast("BaseException", type("Foreign", (kind,), {})())
                where = [""]
                hand = Hand(subject, loop)
                for step in before.split(";"):
                    hand.do(step)
                loop.told.clear()

                def hook(
                    at: int,
                    code: CodeType,
                    offset: int,
                    position: int = position,
                    error: BaseException = error,
                    where: list[str] = where,
                ) -> None:
                    if at == position and code.co_filename == own:
                        where[0] = f"{code.co_qualname}+{offset}"
                        raise error

                came = [*_point(injector, hand, steps, hook), *loop.told, *hand.scene.told]
                came += [end for task in hand.tasks if task.done() and not task.cancelled() and (end := task.exception())]
                points += bool(where[0])
                if where[0] and not any(_is_behind(error, end) for end in came):
                    kept += 1
                    witness = witness or f"{title}, {kind.__name__} raised at {where[0]} never came out"
                hand.rest()
                if kept >= ENOUGH:
                    return points, kept, witness
    return points, kept, witness


def _is_behind(error: BaseException, end: BaseException | None) -> bool:
    """Tell whether one exception is another, or what that was raised from."""
    seen: list[BaseException] = []
    while end is not None and end not in seen:
        if end is error:
            return True
        seen.append(end)
        end = end.__cause__ or end.__context__
    return False


def _sweep(subject: Subject, settings: Settings) -> Result:
    tally = Tally()
    stride = KERNEL_STRIDE[settings.profile]
    lands = 0
    with _sweeping(subject) as (loop, injector):
        injector.arrivals_only = True  # an exception before the very load that raises ours would be no different from it
        foreign, kept, witness = _foreign(subject, loop, injector)
        injector.arrivals_only = False
        for title, (before, steps) in SWEPT.items():
            progress(f"{title}, {tally.points:,} points so far")
            for position in _positions(subject, injector, loop, (before, steps), stride):
                hand = Hand(subject, loop)
                for step in before.split(";"):
                    hand.do(step)
                where: list[str] = []

                def hook(at: int, code: CodeType, offset: int, position: int = position, where: list[str] = where) -> None:
                    if at == position:
                        where.append(f"{code.co_qualname}+{offset}")
                        raise Interrupt

                with _dropped_by_finalisers() as dropped:
                    _point(injector, hand, steps, hook)
                foreign, kept = foreign + 1, kept + len(dropped)
                witness = witness or (f"{title}: an exception at {where[0]} was dropped, as in a finaliser" if dropped else "")
                lands += bool(where)
                tally.audit(hand.scene, hand.rest(), f"{title}, interrupted at {where[0] if where else 'nowhere'}")
                if tally.faults >= ENOUGH:
                    break
            if tally.faults >= ENOUGH:
                break
    evidence = (
        f"{tally.points:,} exceptions in {len(SWEPT)} rows of steps: "
        f"{tally.slots_lost} slots, {tally.items_lost} items, {tally.asleep} wake-ups lost; "
        f"{foreign:,}, of any type: {kept} never came out"
    )
    if not async_3(tally.points, tally.slots_lost, tally.items_lost, tally.asleep):
        return Result(Verdict.ILLEGAL, evidence, tally.witness)
    if not async_3_foreign(foreign, kept):
        return Result(Verdict.ILLEGAL, evidence, witness)
    if lands != tally.points:
        return Result(
            Verdict.UNKNOWN, evidence, f"{tally.points - lands} exceptions were never raised: the rows are not deterministic"
        )
    return Result(Verdict.OK, evidence)


# Wake-ups


def _in_thread(work: Callable[[], Any]) -> bool:
    """Make a call in another thread; false if it waits for ever."""
    party = Party()
    party.start(work)
    ended = party.wait(confirm_s=1.0) == ENDED
    party.dismiss()
    return ended


def _burst(subject: Subject, loop: HandLoop) -> tuple[int, int, int, str]:
    """Offer a burst from a thread while the loop stands still. Give waits, wake-ups, threads, and what is wrong."""
    intake = module_of(subject, "aio").AsyncIntake(BURST)
    taken: list[int] = []

    async def work() -> None:
        async for lease in intake:
            with lease as item:
                taken.append(item)

    threads = len(_threads())
    workers = [loop.create_task(work()) for _ in range(3)]
    loop.turn(3)
    threads = len(_threads()) - threads
    before = loop.wake_ups
    answers: list[Any] = []
    waited = not _in_thread(lambda: answers.extend(intake.offer(number) for number in range(BURST + 5)))
    wake_ups = loop.wake_ups - before
    loop.turn(SETTLE)
    wrong = ""
    if not waited and [bool(answer) for answer in answers] != [True] * BURST + [False] * 5:
        wrong = f"{sum(map(bool, answers))} of {BURST} offers were accepted, in another thread"
    if not waited and taken != list(range(BURST)):
        wrong = wrong or f"{len(taken)} of {BURST} items were taken"
    intake.close()
    loop.turn(SETTLE)
    for worker in workers:
        worker.cancel()
    loop.turn(3)
    return waited, wake_ups, threads, wrong


@final
class _Counted(asyncio.Event):
    """Count how often a waiter is compared with another."""

    compared: ClassVar = 0

    def __eq__(self, other: object) -> bool:
        _Counted.compared += 1
        return self is other

    __hash__ = asyncio.Event.__hash__


def _touched(subject: Subject, loop: HandLoop, waiting: int) -> int:
    """Count what is touched for one item, and for a taker that gives up, beside so many who wait: compared, or copied."""
    hand = Hand(subject, loop, 1)
    tracing = tracemalloc.is_tracing()
    with mock.patch.object(asyncio, "Event", _Counted):
        for number in range(waiting + 4):
            hand.do(f"start for {number}")
        hand.do("turn")
    hand.do("turn")
    copied: list[int] = []
    tracemalloc.start()
    try:
        _Counted.compared = 0
        for number in range(3):
            hand.do(f"cancel for {waiting // 2 + number}")
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            hand.do("offer")
            hand.do("settle")
            copied.append((tracemalloc.get_traced_memory()[1] - before) // POINTER_BYTES)
            hand.scene.takers[f"for {number}"].gate.set()
            hand.do("settle")
    finally:
        if not tracing:
            tracemalloc.stop()
    touched = min(copied) + _Counted.compared // 3
    hand.dismiss()
    return touched


def _cut_in(subject: Subject, loop: HandLoop, injector: Injector, before: str, steps: str, tally: Tally) -> int:
    """Offer before each bytecode of a row of steps, as a signal handler does. Give the largest number of wake-ups of one row."""
    most, position, reached = 0, 0, True
    while reached and tally.faults < ENOUGH:
        position += 1
        reached = False
        hand = Hand(subject, loop)
        for step in before.split(";"):
            hand.do(step)
        wake_ups = loop.wake_ups

        def hook(at: int, _code: CodeType, _offset: int, hand: Hand = hand, position: int = position) -> None:
            nonlocal reached
            if at == position:
                reached = True
                hand.scene.offer()

        _point(injector, hand, steps, hook)
        most = max(most, loop.wake_ups - wake_ups)
        asleep = hand.rest()
        if reached:
            tally.audit(hand.scene, asleep, f"{steps}, with an offer in a signal handler at bytecode {position}")
    return most


def _wakeups(subject: Subject, settings: Settings) -> Result:
    _ = settings
    tally = Tally()
    most = 0
    with hand_loop() as loop:
        waited, wake_ups, threads, wrong = _burst(subject, loop)
        few, many = _touched(subject, loop, FEW), _touched(subject, loop, MANY)
    if not waited and not threads:
        with _sweeping(subject) as (loop, injector):
            most = _cut_in(subject, loop, injector, "start A;start B;settle", "offer", tally)
            _cut_in(subject, loop, injector, "start A;start B;settle;offer", "turn", tally)
            _cut_in(subject, loop, injector, "settle", "start A;turn", tally)
            _cut_in(subject, loop, injector, "start B;settle", "start A;turn", tally)
            _cut_in(subject, loop, injector, "start A;start B;settle", "close", tally)
    evidence = (
        f"{BURST:,} offers in another thread between two turns: {wake_ups} wake-ups, {threads} threads; "
        f"{tally.points:,} offers cut in as a signal handler's: at most {most} wake-ups, {tally.faults} lost; "
        f"{few:,} waiters' worth touched for an item when {FEW} wait, {many:,} when {MANY:,} do"
    )
    blames: list[str] = []
    if not (async_1(int(waited), wake_ups, 1) and async_1(0, most, 1)):
        blames.append("ASYNC-1")
    crowd = async_2_crowd(MANY - FEW, few, many)
    if not (async_2(threads, tally.asleep) and crowd):
        blames.append("ASYNC-2")
    if wrong or tally.slots_lost or tally.items_lost:
        blames.append("ASYNC-3")
    if not blames:
        return Result(Verdict.OK, evidence)
    witness = "an offer waits for ever for a loop that stands still" if waited else wrong or tally.witness or evidence
    return Result(Verdict.ILLEGAL, evidence, witness, tuple(blames))


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="adapters.aio_model",
        group=GROUP,
        tool="random histories",
        clauses=("ASYNC-1", "ASYNC-2", "ASYNC-3"),
        shows="random histories of offers, takers, workers, drains and cancellations in one loop are as a plain model's",
        shows_not="several loops or threads; histories longer than 40 steps",
        run=_model,
    ),
    Check(
        name="adapters.aio_cancel",
        group=GROUP,
        tool="cancellation sweep",
        clauses=("ASYNC-3",),
        shows="a cancellation after each of a number of steps, and one at each await, lose nothing (asyncio; trio if installed)",
        shows_not="cancellations inside the libraries' own code",
        run=_cancel,
    ),
    Check(
        name="adapters.aio_sweep",
        group=GROUP,
        tool="bytecode sweep",
        clauses=("ASYNC-3",),
        shows="an exception of any type at each bytecode of offers, takers, drains, close and the loop's callback loses nothing "
        "and reaches the caller",
        shows_not="exceptions in asyncio's own code and in trio's loop. The quick profile leaves out four of five of the kernel's "
        "bytecodes",
        run=_sweep,
    ),
    Check(
        name="adapters.aio_wakeups",
        group=GROUP,
        tool="scenario",
        clauses=("ASYNC-1", "ASYNC-2"),
        shows="1,000 offers between two turns of a loop wake it once, without a thread, and so do two offers one inside the other; "
        "an item costs as much when 4,000 takers wait as when 16 do",
        shows_not="how long a wake-up takes",
        run=_wakeups,
    ),
)
