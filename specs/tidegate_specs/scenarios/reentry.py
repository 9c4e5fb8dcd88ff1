"""Scenarios 14 to 20: finalisers, callbacks, signal handlers, asynchronous exceptions, forks, and code of the items' own."""

import gc
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ..builds import made_by_none
from ..injection import quiet_finalisers
from ..reentrant_calls import Finalised, by_finaliser, by_weak_reference
from .accounting import ONE_AT_A_TIME
from .counts import as_new, conserved, recount
from .jobs import WAKE_S, expect, start
from .operations import Prepare, settle, steps
from .run import Run, Step, scenario


def _busy(run: Run, free: int) -> tuple[Any, Any]:
    """Make an intake with "q" queued, one item in flight under the lease given, and some slots free."""
    intake = run.intake(2 + free)
    intake.offer("in flight")
    intake.offer("q")
    lease = intake.take(timeout=0)
    _ = lease.item
    return intake, lease


def _busy_operations(free: int) -> dict[str, Prepare]:
    """Give the operations that may be re-entered, each on a busy intake."""

    def offer(run: Run) -> Step:
        intake, lease = _busy(run, free)
        return Step(intake, lambda: intake.offer("o"), held=[lease], must=["q"], may=["o"])

    def take(run: Run) -> Step:
        intake, lease = _busy(run, free)
        return Step(intake, lambda: intake.take(timeout=0), held=[lease], must=["q"])  # its lease is dropped unseen

    def take_empty(run: Run) -> Step:
        intake, lease = _busy(run, free)
        held = [lease, intake.take(timeout=0)]
        return Step(intake, lambda: intake.take(timeout=0), held=held)

    def release(run: Run) -> Step:
        intake, lease = _busy(run, free)
        return Step(intake, lease.release, loose=[lease], must=["q"])

    def drop(run: Run) -> Step:
        intake, lease = _busy(run, free)
        box = [lease]
        return Step(intake, box.clear, must=["q"])

    def drop_unseen(run: Run) -> Step:
        intake, lease = _busy(run, free)
        box = [intake.take(timeout=0)]
        return Step(intake, box.clear, held=[lease], must=["q"])

    def statistics(run: Run) -> Step:
        intake, lease = _busy(run, free)
        return Step(intake, intake.statistics, held=[lease], must=["q"])

    named = (offer, take, take_empty, release, drop, drop_unseen, statistics)
    return {operation.__name__.replace("_", " "): operation for operation in named}


def _by_collector(call: Callable[[], None]) -> None:
    knot: list[Any] = [Finalised(call)]
    knot.append(knot)
    del knot
    gc.collect()


@scenario(
    14,
    "REENTRY-1 BOUND-1 BOUND-2 EXACT-1 LEASE-1",
    "a finaliser that ran inside queue.Queue deadlocked in bpo-14976, sentry-python #803 and sqlalchemy",
    "Given a finaliser, a weak-reference callback or the collector that offers before each bytecode of an operation in the "
    "same thread: "
    "it is answered at once and rightly, and so is the operation. A finaliser may also release a lease that dies with it.",
    ONE_AT_A_TIME,
)
def offers_from_finalisers(run: Run) -> str:
    ways = {"finaliser": by_finaliser, "weak reference": by_weak_reference, "collector": _by_collector}
    for way, trap in ways.items():
        gc.freeze()
        for step in steps(run, _busy_operations(1)):
            answers: list[Any] = []
            given = step.hooked(partial(trap, partial(_offer_into, step.intake, "r", answers)))
            if step.name == "offer":
                answers.append(given)
            del given  # a lease it was given is dropped unseen
            if not step.over:
                _judge_one_slot(run, step, answers, way)
    collected = sum(_releasedby_finaliser(run, capacity, older) for capacity in (1, 2, 3) for older in (False, True))
    return (
        f"{run.points:,} offers from finalisers, callbacks and collections; {collected} leases released while they were collected"
    )


def _offer_into(intake: Any, item: Any, answers: list[Any]) -> None:
    answers.append(intake.offer(item))


def _judge_one_slot(run: Run, step: Step, answers: list[Any], way: str) -> None:
    """One slot was free throughout: of a re-entrant offer and an interrupted one exactly one is accepted."""
    accepted = [answer is run.subject.Outcome.ACCEPTED for answer in answers]
    where = f"{step.name}, re-entered by a {way} at {step.where}"
    expect(
        accepted.count(True) == 1 and len(answers) == 1 + (step.name == "offer"),
        "REENTRY-1 BOUND-1 EXACT-1",
        f"{where}: one slot is free, and the offers are answered {answers}",
    )
    settle(run, step, "REENTRY-1 BOUND-2", ours=("r",) if accepted[0] else ("o",))


class _Worker:
    """Hold a lease in a cycle, and release it when collected."""

    def __init__(self, answers: list[bool]) -> None:
        self.me = self
        self.lease: Any = None
        self.answers = answers

    def __del__(self) -> None:
        self.answers.append(self.lease.release())


def _releasedby_finaliser(run: Run, capacity: int, older: bool) -> int:
    """Collect a lease together with a worker that releases it, made before or after the intake: the collector's order differs."""
    answers: list[bool] = []
    where = (
        f"capacity {capacity}, a lease released by a finaliser that the collector ran {'before' if older else 'after'} its slot's"
    )
    with quiet_finalisers():
        worker = _Worker(answers) if older else None
        intake = run.intake(capacity)
        worker = worker or _Worker(answers)
        intake.offer("a")
        worker.lease = intake.take(timeout=0)
        _ = worker.lease.item
        del worker, _
        gc.collect()
    recount(intake, where, free=capacity, queued=0, in_flight=0, accepted=1)
    as_new(run, intake, where, clauses="LEASE-1 BOUND-1 BOUND-2")
    gc.collect()
    as_new(run, intake, where, clauses="LEASE-1 BOUND-1 BOUND-2")
    return 1


@scenario(
    15,
    "BOUND-1 REENTRY-1",
    "a re-entrant lock as the cure let sentry-python's vendored queue and culsans 0.11 hold 4 items in 3 slots",
    "Given capacity 3 and three offers made inside an operation, before each of its bytecodes, the depth is never above 3.",
    "Re-entry into the re-entering call: its bytecodes are not stepped through.",
)
def overshoot(run: Run) -> str:
    outcome = run.subject.Outcome
    for step in steps(run, _busy_operations(1)):
        answers: list[Any] = []
        depths: list[Any] = []

        def offers(step: Step = step, answers: list[Any] = answers, depths: list[Any] = depths) -> None:
            for number in range(3):
                answers.append(step.intake.offer(number))
                depths.append(step.intake.statistics())

        given = step.hooked(offers)
        ours = tuple(number for number, answer in enumerate(answers) if answer is outcome.ACCEPTED)
        if step.name == "offer":
            answers.append(given)
        del given
        where = f"{step.name}, with three offers inside at {step.where}"
        for statistics in (*depths, step.intake.statistics()):
            conserved(statistics, 3, where)
        accepted = answers.count(outcome.ACCEPTED)
        most = 2 if step.name in ("release", "drop") else 1
        expect(accepted <= most, "BOUND-1 REENTRY-1", f"{where}: {accepted} accepted, {most} slots free: {answers}")
        settle(run, step, "BOUND-1 REENTRY-1", ours=ours)
    return f"{run.points} stops, 3 offers at each, depth at most 3"


@scenario(
    16,
    "EXACT-1 REENTRY-1",
    "re-entry or contention made aiologic (32 of 117 points), JCTools #21 and moodycamel say full with slots free",
    "Given more slots than offers, no offer is FULL: not one made inside an operation, nor one made while another thread is "
    "stopped "
    "in an operation, before each bytecode; nor any of 8 producers' that together offer exactly the capacity.",
    ONE_AT_A_TIME,
)
def spurious_full(run: Run) -> str:
    outcome = run.subject.Outcome
    for stopped in (False, True):
        for step in steps(run, _busy_operations(3)):
            answers: list[Any] = []
            if stopped:
                with step.frozen() as frozen:
                    answers.append(step.intake.offer("r"))
                    given = frozen.thaw()
            else:
                given = step.hooked(partial(_offer_into, step.intake, "r", answers))
            if step.name == "offer":
                answers.append(given)
            del given
            where = f"{step.name}, {'another thread stopped' if stopped else 're-entered'} at {step.where or 'its end'}"
            spurious = [answer for answer in answers if answer is not outcome.ACCEPTED]
            expect(not spurious, "EXACT-1 REENTRY-1", f"{where}: 3 slots are free, and an offer is answered {spurious}")
    producers, each = 8, 5000 if run.full else 500
    intake = run.intake(producers * each)
    barrier = threading.Barrier(producers)

    def produce() -> int:
        barrier.wait()
        return [intake.offer(number) for number in range(each)].count(outcome.ACCEPTED)

    accepted = sum(run.finish([start(produce, "a producer") for _ in range(producers)], "NOWAIT-1", 20.0))
    expect(
        accepted == producers * each,
        "EXACT-1",
        f"{producers * each - accepted} of {producers * each} offers refused with slots free",
    )
    return f"{run.points:,} stops with 3 slots free, {producers} x {each:,} offers into as many slots: no FULL"


def _hostile_item(calls: list[str], delay_s: float) -> Any:
    """Make an item each of whose methods takes its time, leaves a note and raises."""

    def method(name: str) -> Callable[..., Any]:
        def call(*_: Any) -> Any:
            calls.append(name)
            time.sleep(delay_s)
            raise ArithmeticError(name)

        return call

    names = "eq ne lt le gt ge hash bool repr str len iter next call contains getattr index int float enter exit reduce_ex copy"
    return type("Hostile", (), {f"__{name}__": method(name) for name in names.split()})()


class _BlockingEnd:
    """An item whose finaliser waits."""

    def __init__(self, here: threading.Event, go: threading.Event) -> None:
        self.here, self.go = here, go

    def __del__(self) -> None:
        self.here.set()
        self.go.wait()


@scenario(
    20,
    "HOSTILE-1 NOWAIT-2 LOCAL-1",
    "PriorityQueue runs the items' `__lt__` under its lock",
    "Given items whose every method is slow and raises, none is called; and given an item whose finaliser waits for ever in "
    "the thread "
    "that released it, everybody else's offer, take and release are answered.",
    "Latency in numbers: the overload laboratory measures it.",
)
def user_code(run: Run) -> str:
    outcome = run.subject.Outcome
    calls: list[str] = []
    intake = run.intake(3)
    items = [_hostile_item(calls, 0.01) for _ in range(4)]
    answers = [intake.offer(item) for item in items]
    wanted = [outcome.ACCEPTED] * 3 + [outcome.FULL]
    expect(answers == wanted, "HOSTILE-1", f"hostile items are answered {answers}")
    _ = repr(intake), intake.statistics()
    dropped = intake.take(timeout=0)
    del dropped
    for number in (1, 2, 0):
        with intake.take(timeout=0) as item:
            expect(item is items[number], "LOCAL-1", "hostile items came out in another order")
    intake.close()
    intake.offer(items[0])
    expect(not calls, "HOSTILE-1", f"the intake called the items' {sorted(set(calls))}")
    expect(intake.drain(timeout=0) == 0, "BOUND-2", "hostile items kept their slots")
    for ending in ("release", "drop"):
        _block_in_finaliser(run, ending)
    return "4 hostile items, 0 calls; 2 finalisers that wait, everybody else answered"


def _block_in_finaliser(run: Run, ending: str) -> None:
    here, go = threading.Event(), threading.Event()

    def prepare() -> tuple[Any, list[Any]]:
        intake = run.intake(2)
        intake.offer(_BlockingEnd(here, go))
        box = [intake.take(timeout=0)]
        _ = box[0].item
        return intake, box

    intake, box = made_by_none(prepare)  # or without a GIL the finaliser could be this thread's to run, which waits for it
    job = start(box[0].release if ending == "release" else box.clear, ending)
    if ending == "release":
        box.clear()
    try:
        expect(here.wait(WAKE_S), "LEASE-1", f"{ending} did not let go of the item")
        other = start(partial(as_new, run, intake, "an item's finaliser waits", clauses="NOWAIT-2 BOUND-2"), "another party")
        run.finish([other], "NOWAIT-2")
    finally:
        go.set()
    run.finish([job], "LEASE-1")
