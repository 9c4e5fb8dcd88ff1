"""How much of the loop is woken by an offer, and by many."""

import asyncio
import tracemalloc
from collections.abc import Callable
from types import CodeType
from typing import Any, ClassVar, Final, final
from unittest import mock

from ..check import Result, Settings, Subject, Verdict
from ..injection import Injector
from ..sweeps.party import ENDED, Party
from .aio_scene import ENOUGH, SETTLE, Hand, HandLoop, Tally, hand_loop, threads_now
from .aio_sweep import point, sweeping
from .clauses import async_1, async_2, async_2_crowd
from .support import module_of

BURST: Final = 1000
FEW: Final = 16
MANY: Final = 4000
POINTER_BYTES: Final = 8


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

    threads = len(threads_now())
    workers = [loop.create_task(work()) for _ in range(3)]
    loop.turn(3)
    threads = len(threads_now()) - threads
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

        point(injector, hand, steps, hook)
        most = max(most, loop.wake_ups - wake_ups)
        asleep = hand.rest()
        if reached:
            tally.audit(hand.scene, asleep, f"{steps}, with an offer in a signal handler at bytecode {position}")
    return most


def run_wakeups(subject: Subject, settings: Settings) -> Result:
    _ = settings
    tally = Tally()
    most = 0
    with hand_loop() as loop:
        waited, wake_ups, threads, wrong = _burst(subject, loop)
        few, many = _touched(subject, loop, FEW), _touched(subject, loop, MANY)
    if not waited and not threads:
        with sweeping(subject) as (loop, injector):
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
