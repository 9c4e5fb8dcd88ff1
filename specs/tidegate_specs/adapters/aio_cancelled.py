"""A taker that is cancelled, or left by an exception, at every await."""

import asyncio
import importlib.util
from collections.abc import Awaitable, Coroutine, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..check import Result, Settings, Subject, Verdict
from ..injection import Interrupt, quiet_finalisers
from ..progress import progress
from .aio_scene import ENOUGH, SETTLE, Hand, HandLoop, Scene, Taker, Tally, hand_loop
from .clauses import async_3

TRIO: Final = importlib.util.find_spec("trio") is not None


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


def run_cancelled(subject: Subject, settings: Settings) -> Result:
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
