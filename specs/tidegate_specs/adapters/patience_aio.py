"""Patience in the asynchronous intake."""

import asyncio
import random
import warnings
from contextlib import suppress
from itertools import product
from types import CodeType
from typing import Any, Final, final

from ..check import Result, Settings, Subject
from ..injection import Injector, Interrupt, quiet_finalisers
from .aio_scene import SETTLE, HandLoop, hand_loop
from .patience_clock import HISTORIES, PASSED_S, PATIENCE_S, Clock, Failure, Tally, clock_of, grains
from .support import injector_of, module_of

STEPS: Final = 60


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


def aio_model(subject: Subject, settings: Settings) -> Result:
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


def aio_sweep(subject: Subject, settings: Settings) -> Result:
    aio, tally = module_of(subject, "aio"), Tally()
    with warnings.catch_warnings(), quiet_finalisers(), clock_of(subject) as clock, hand_loop() as loop:
        warnings.simplefilter("ignore", RuntimeWarning)
        with injector_of(subject, (aio.AsyncIntake, aio.AsyncLease, module_of(subject, "_patience").Patience)) as injector:
            for injector.arrivals_only, iterates in product(grains(settings), (False, True)):
                position = 1
                while _swept_taker(subject, loop, clock, injector, (iterates, position), tally) and not tally.witness:
                    position += 1
    return tally.judge("ASYNC-4", f"{tally.points:,} points of a taker that finds expired items")
