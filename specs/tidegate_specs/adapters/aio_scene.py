"""Event loops that are stepped by hand, takers and offers in them, and what is audited afterwards."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, TypeVarTuple, Unpack, final

from ..check import Subject
from .support import module_of

CAPACITY: Final = 2
SETTLE: Final = 10  # turns in which everything that can happen has happened, with the few tasks there are here
ENOUGH: Final = 10  # faults, to stop at
Ts = TypeVarTuple("Ts")

threads_now: Callable[[], dict[int, Any]] = attrgetter("_current_frames")(sys)  # documented, in spite of its name


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
    forget(error)


def _nothing() -> None:
    """Stand where a task's cancellation was."""


def forget(error: BaseException | None) -> None:
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
            forget(error)
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
                forget(task.exception())
        self.tasks = [task for task in self.tasks if not task.done()]


@contextmanager
def hand_loop() -> Generator[HandLoop]:
    loop = HandLoop()
    try:
        yield loop
    finally:
        loop.turn(2)
        loop.close()
