"""Hold the executor and the async intake to their patience: histories beside a model, and an exception at every bytecode.

The clock is ours, and stands in the adapters' place of `time.monotonic`: it stands still, jumps and runs backwards.
"""

import asyncio
import random
import threading
import warnings
from collections.abc import Generator
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.thread import BrokenThreadPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from queue import SimpleQueue
from types import CodeType
from typing import Any, Final, final
from unittest.mock import patch

from ..builds import FREE_THREADED
from ..check import Check, Result, Settings, Subject, Verdict
from ..injection import Hook, Injector, Interrupt, quiet_finalisers
from .check_aio import SETTLE, HandLoop, hand_loop
from .check_executor import LIMIT_S, Point
from .clauses import expiry
from .support import GROUP, by_the_living, injector_of, module_of

HISTORIES: Final = {"quick": 60, "full": 1_000}
STEPS: Final = 60
PASSED_S: Final = (0, 0.5, 1, 1, 5, 7, -3)
PATIENCE_S: Final = 5
SWEPT: Final = "expiry"  # what the threads of a swept executor are called


class Failure(Exception):
    """Raised by a callback."""


@final
@dataclass(slots=True)
class Clock:
    """Stand for `time.monotonic`."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def clock_of(subject: Subject) -> Generator[Clock]:
    """Have the adapters of a subject read a clock of ours."""
    clock = Clock()
    with patch.object(module_of(subject, "_patience"), "monotonic", clock):
        yield clock


@final
@dataclass(slots=True)
class Tally:
    """Count what ended, and what was wrong with it."""

    ended: int = 0
    points: int = 0
    stale: int = 0
    untold: int = 0
    held: int = 0
    miscounted: int = 0
    witness: str = ""

    def note(self, text: str) -> None:
        """Keep the first account of a fault."""
        self.witness = self.witness or text

    def judge(self, clause: str, evidence: str) -> Result:
        """Turn the counts into a verdict."""
        if expiry(self.ended, self.stale, self.untold, self.held, self.miscounted) and not self.witness:
            return Result(Verdict.OK, evidence)
        return by_the_living(Result(Verdict.ILLEGAL, evidence, self.witness or str(self), (clause,)))


# The executor.


@final
@dataclass(eq=False, slots=True)
class Work:
    """A work, when it was submitted, and what became of it."""

    since: float
    runs: int = 0
    cancelled: bool = False
    future: "Future[None]" = field(default_factory=Future[None])

    def __call__(self) -> None:
        self.runs += 1

    def fault(self, expires: bool, expired: type[Exception]) -> str:
        """Say what is wrong with its end, or nothing."""
        future = self.future
        if not future.done():
            return "its future did not end"
        wanted = "cancelled" if self.cancelled else "expired" if expires else "run"
        error = None if future.cancelled() else future.exception()
        found = "cancelled" if future.cancelled() else "expired" if isinstance(error, expired) else "run" if self.runs else "failed"
        if found == "expired" and not isinstance(error, CancelledError):
            return "its exception is no CancelledError"
        return (
            "" if found == wanted and self.runs == (wanted == "run") else f"it was {found}, and ran {self.runs} times, not {wanted}"
        )


def _batch(executor: Any, clock: Clock, chance: random.Random, tally: Tally) -> list[Work]:
    """Submit works behind one that keeps the only worker; then let it go, and wait for all to end."""
    gate, begun = SimpleQueue[None](), SimpleQueue[None]()

    def hold() -> None:
        begun.put(None)
        gate.get(timeout=LIMIT_S)

    left = [holding := executor.submit(hold)]
    begun.get(timeout=LIMIT_S)

    def ended(future: Any) -> None:
        left.remove(future)
        held = executor.statistics().in_flight - len(left)
        tally.held += max(0, held)
        if held > 0:
            tally.note("the slot of a work was still held when its future had ended")

    works: list[Work] = []
    for _ in range(chance.randint(0, 6)):
        clock.now += chance.choice(PASSED_S)
        works.append(work := Work(clock.now))
        work.future = executor.submit(work)
        left.append(work.future)
        work.future.add_done_callback(ended)
        if chance.random() < 0.2:
            work.cancelled = work.future.cancel()
    clock.now += chance.choice(PASSED_S)
    holding.add_done_callback(ended)
    gate.put(None)
    wait([holding, *(work.future for work in works)], timeout=LIMIT_S)
    return works


def _executor_model(subject: Subject, settings: Settings) -> Result:
    module, chance, tally = module_of(subject, "executor"), random.Random(settings.seed), Tally()
    for _ in range(HISTORIES[settings.profile]):
        patience_s = chance.choice((None, 1, PATIENCE_S))
        with clock_of(subject) as clock, module.RejectingExecutor(8, 1, patience_s=patience_s) as executor:
            expired = 0
            for _ in range(3):
                for work in _batch(executor, clock, chance, tally):
                    age = clock.now - work.since
                    expires = patience_s is not None and age > patience_s and not work.cancelled
                    expired += expires
                    tally.ended += 1
                    if fault := work.fault(expires, module.Expired):
                        tally.stale += expires and work.runs > 0
                        tally.untold += 1
                        tally.note(f"a work that had waited for {age} of {patience_s} seconds: {fault}")
            tally.miscounted += executor.expired != expired
            if executor.expired != expired:
                tally.note(f"{executor.expired} works are counted as expired, and {expired} were")
        if tally.witness:
            break
    return tally.judge("EXECUTOR-4", f"{tally.ended:,} works ended")


@contextmanager
def _traced_workers(injector: Injector, hook: Hook) -> Generator[None]:
    """Have the threads that are made here run under the injector."""

    class Traced(threading.Thread):
        def run(self) -> None:
            with suppress(Interrupt):
                injector.run(super().run, hook)

    with patch.object(threading, "Thread", Traced):
        yield


def _grains(settings: Settings) -> tuple[bool, ...]:
    """Say whether to sweep only where an exception can arrive, and then at every bytecode, too."""
    return (True,) if FREE_THREADED or settings.profile == "quick" else (True, False)


def _interrupt() -> None:
    raise Interrupt


def _swept_worker(module: Any, injector: Injector, clock: Clock, position: int, tally: Tally) -> bool:
    """Have a worker find an old, a new and an old work, with an exception at one bytecode. False: there is none so far."""
    clock.now = 0
    point = Point(position, _interrupt)
    gate, begun = SimpleQueue[None](), list[bool]()

    def initialize() -> None:
        begun.append(True)
        gate.get(timeout=LIMIT_S)

    with _traced_workers(injector, point.hook):
        executor = module.RejectingExecutor(4, 1, patience_s=PATIENCE_S, thread_name_prefix=SWEPT, initializer=initialize)
    works = [Work(since) for since in (0.0, 10.0, 0.0)]
    with suppress(BrokenThreadPool):
        for work in works:
            clock.now = work.since
            work.future = executor.submit(work)
    clock.now = 10
    executor.shutdown(wait=False)
    gate.put(None)
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(SWEPT)]
    for thread in threads:
        thread.join(LIMIT_S)
    if not begun and point.done:
        return True  # it ended before its first step
    if any(thread.is_alive() for thread in threads) or not all(work.future.done() for work in works):
        tally.untold += 1
        tally.note(f"a worker, interrupted at {point.where}: a future or the worker did not end")
        return False
    tally.points += point.done
    tally.ended += len(works)
    errors = [work.future.exception() for work in works]
    expired = sum(isinstance(error, module.Expired) for error in errors)
    stale = works[0].runs + works[2].runs + (works[1].runs > 1)
    spoilt = sum(isinstance(error, Interrupt) for error in errors)
    lost = 4 - executor.statistics().free
    tally.stale, tally.held = tally.stale + stale, tally.held + lost
    miscounted = injector.arrivals_only and executor.expired != expired  # nothing can come between deciding and counting
    tally.miscounted += miscounted
    if stale or lost or miscounted or spoilt > 1:
        tally.note(
            f"a worker, interrupted at {point.where}: {stale} works ran that should not, {lost} slots lost, {executor.expired} "
            f"counted as expired and {expired} told, {spoilt} failed by it"
        )
    return bool(point.where)


def _executor_sweep(subject: Subject, settings: Settings) -> Result:
    module, tally = module_of(subject, "executor"), Tally()
    with quiet_finalisers(), clock_of(subject) as clock, injector_of(subject, [module.RejectingExecutor]) as injector:
        for injector.arrivals_only in _grains(settings):
            position, more = 0, True
            while more and not tally.witness:
                position += 1
                more = _swept_worker(module, injector, clock, position, tally)
    return tally.judge("EXECUTOR-4", f"{tally.points:,} points of a worker that finds expired works")


# The async intake.


@final
class Scene:
    """An async intake with takers on a loop that is turned by hand, and what they were given and told."""

    def __init__(self, subject: Subject, loop: HandLoop, clock: Clock, tally: Tally, modelled: bool = False) -> None:
        self.loop, self.clock, self.tally, self.modelled = loop, clock, tally, modelled
        self.intake: Any = module_of(subject, "aio").AsyncIntake(4, patience_s=PATIENCE_S, on_expired=self.on_expired)
        self.closed: type[Exception] = subject.Closed
        self.queued: list[tuple[int, float]] = []
        self.offered: list[int] = []
        self.handed: list[int] = []
        self.told: list[int] = []
        self.holding = self.waiting = 0
        self.tasks: list[asyncio.Task[None]] = []

    def on_expired(self, item: int) -> None:
        self.told.append(item)
        if not self.modelled:
            return
        held = self.intake.statistics().in_flight - self.holding
        self.tally.held += max(0, held)
        if held > 0:
            self.tally.note("the slot of an item was still held when its expiry was told")
        if not item % 3:
            raise Failure

    def offer(self) -> None:
        number = len(self.offered)
        if self.intake.offer(number):
            self.offered.append(number)
            self.queued.append((number, self.clock.now))

    def start(self, iterates: bool) -> None:
        self.tasks.append(self.loop.create_task(self._iterate() if iterates else self._take()))

    async def _take(self) -> None:
        with suppress(Failure, self.closed):
            async with self.intake.take() as item:
                await self._hold(item)

    async def _iterate(self) -> None:
        with suppress(Failure):
            async for lease in self.intake:
                with lease as item:
                    await self._hold(item)

    async def _hold(self, item: int) -> None:
        self.handed.append(item)
        self.holding += 1
        try:
            await asyncio.sleep(0)
        finally:
            self.holding -= 1


def _expected(scene: Scene, handed: list[int], told: list[int], patience_s: float) -> None:
    """Let the model's takers take what is there: each one item, or what its callback's failure ends it with."""
    while scene.queued and scene.waiting:
        item, since = scene.queued.pop(0)
        if scene.clock.now - since > patience_s:
            told.append(item)
            scene.waiting -= not item % 3
        else:
            handed.append(item)
            scene.waiting -= 1


def _aio_model(subject: Subject, settings: Settings) -> Result:
    chance, tally = random.Random(settings.seed), Tally()
    with clock_of(subject) as clock, hand_loop() as loop:
        for _ in range(HISTORIES[settings.profile]):
            scene = Scene(subject, loop, clock, tally, modelled=True)
            handed: list[int] = []
            told: list[int] = []
            for _ in range(STEPS):
                if chance.random() < 0.4:
                    scene.start(iterates=False)
                    scene.waiting += 1
                else:
                    scene.offer()
                    clock.now += chance.choice(PASSED_S) if not scene.waiting else 0
                _expected(scene, handed, told, PATIENCE_S)
                loop.turn(SETTLE)
                stale = len(set(scene.handed) & set(told))
                tally.stale += stale
                tally.untold += scene.told != told
                tally.miscounted += scene.intake.expired != len(told)
                if (scene.handed, scene.told, scene.intake.expired) != (handed, told, len(told)):
                    tally.note(
                        f"{scene.handed} were handed out, {scene.told} told as expired and {scene.intake.expired} counted, "
                        f"and not {handed}, {told} and {len(told)}"
                    )
            tally.ended += len(handed) + len(told)
            for task in scene.tasks:
                task.cancel()
            loop.turn(SETTLE)
            if tally.witness:
                break
    return tally.judge("ASYNC-4", f"{tally.ended:,} items handed out or expired")


def _swept_taker(subject: Subject, loop: HandLoop, clock: Clock, injector: Injector, way: tuple[bool, int], tally: Tally) -> bool:
    """Have a taker find two old items and a new one, with an exception at one bytecode; then another takes the rest."""
    iterates, position = way
    clock.now = 0
    scene = Scene(subject, loop, clock, tally)
    scene.offer()
    scene.offer()
    clock.now = 10
    scene.offer()
    where: list[str] = []

    def hook(at: int, code: CodeType, offset: int) -> None:
        if at == position:
            where.append(f"{code.co_qualname}+{offset}")
            raise Interrupt

    def row() -> None:
        scene.start(iterates)
        loop.turn(3)

    with suppress(Interrupt):
        injector.run(row, hook)
    for task in scene.tasks:
        task.cancel()
    loop.turn(3)
    while scene.tasks:
        task = scene.tasks.pop()
        end = task.exception() if task.done() and not task.cancelled() else None
        while end is not None:
            end.__traceback__ = None  # it keeps the lease
            end = end.__context__
        del task
    scene.offer()
    scene.start(iterates=True)
    scene.intake.close()
    loop.turn(SETTLE)
    read = scene.intake.statistics()
    missing = len({0, 1, 2, *scene.offered} - {*scene.handed} - {*scene.told})
    doubled = len(scene.handed) + len(scene.told) - len({*scene.handed, *scene.told})
    tally.points += bool(where)
    tally.ended += len(scene.handed) + len(scene.told)
    stale = len({0, 1} & {*scene.handed})
    wrong = doubled + len({*scene.told} - {0, 1})
    wrong += max(0, missing - read.abandoned) if injector.arrivals_only else 0  # nothing can come between counting and telling
    tally.stale, tally.untold, tally.held = tally.stale + stale, tally.untold + wrong, tally.held + read.in_flight
    miscounted = injector.arrivals_only and scene.intake.expired != len(scene.told)  # as above
    tally.miscounted += miscounted
    if stale or wrong or read.in_flight or miscounted:
        tally.note(
            f"a taker, interrupted at {where[0] if where else 'nowhere'}: {scene.handed} handed out, {scene.told} told as expired, "
            f"{scene.intake.expired} counted, {read.abandoned} abandoned, {read.in_flight} slots held"
        )
    return bool(where)


def _aio_sweep(subject: Subject, settings: Settings) -> Result:
    aio, tally = module_of(subject, "aio"), Tally()
    with warnings.catch_warnings(), quiet_finalisers(), clock_of(subject) as clock, hand_loop() as loop:
        warnings.simplefilter("ignore", RuntimeWarning)
        with injector_of(subject, (aio.AsyncIntake, aio.AsyncLease, module_of(subject, "_patience").Patience)) as injector:
            for injector.arrivals_only, iterates in product(_grains(settings), (False, True)):
                position = 1
                while _swept_taker(subject, loop, clock, injector, (iterates, position), tally) and not tally.witness:
                    position += 1
    return tally.judge("ASYNC-4", f"{tally.points:,} points of a taker that finds expired items")


_INTERRUPTED: Final = (
    "an exception wherever one can arrive in {0} that finds what has expired, in the full profile at every bytecode: that is never "
    "run or handed out, and is told once, and counted"
)
EXECUTOR: Final[tuple[Check, ...]] = (
    Check(
        "adapters.executor_expiry",
        GROUP,
        "random histories",
        ("EXECUTOR-4",),
        "on a clock that stands, jumps and runs backwards each work is run, cancelled or expired as the model says; at the moment "
        "its future ends its slot is free; the count is the number of futures that say it",
        "works that wait behind several workers",
        _executor_model,
    ),
    Check(
        "adapters.executor_expiry_sweep",
        GROUP,
        "bytecode sweep",
        ("EXECUTOR-4",),
        _INTERRUPTED.format("a worker"),
        "exceptions inside `concurrent.futures`, two exceptions in one recovery",
        _executor_sweep,
    ),
)
AIO: Final[tuple[Check, ...]] = (
    Check(
        "adapters.aio_expiry",
        GROUP,
        "random histories",
        ("ASYNC-4",),
        "on a clock that stands, jumps and runs backwards takers are handed, and `on_expired` is told, what the model says, in its "
        "order, also if the callback raises; when it is told its slot is free",
        "trio, which runs the same code; takers in several loops",
        _aio_model,
    ),
    Check(
        "adapters.aio_expiry_sweep",
        GROUP,
        "bytecode sweep",
        ("ASYNC-4",),
        _INTERRUPTED.format("a taker"),
        "two exceptions in one recovery; an item that was looked at is abandoned",
        _aio_sweep,
    ),
)
