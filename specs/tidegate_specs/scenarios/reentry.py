"""Scenarios 14 to 20: finalisers, callbacks, signal handlers, asynchronous exceptions, forks, and code of the items' own."""

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ..builds import made_by_none
from ..injection import quiet_finalisers
from ..reentrant_calls import Finalised, by_finaliser, by_weak_reference
from .accounting import ONE_AT_A_TIME
from .operations import ALL, Prepare, settle, steps
from .run import (
    PATIENCE_S,
    WAKE_S,
    Inconclusive,
    Run,
    Step,
    as_new,
    conserved,
    expect,
    in_child,
    recount,
    scenario,
    start,
    take_all,
)


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


@scenario(
    17,
    "REENTRY-1 CLOSE-1 LEDGER-1 BOUND-2",
    "a signal handler that used the queue it interrupted hung in cpython #121649",
    "Given a signal handler that offers and closes, before each bytecode of every operation, and from a real 1 ms timer for 2 s: "
    "nothing hangs, nothing offered after the close is accepted, and the ledger holds.",
    "Systems without POSIX signals: there the timer's part can't be run.",
)
def signal_handlers(run: Run) -> str:
    outcome = run.subject.Outcome
    for step in steps(run, ALL):
        answers: list[Any] = []

        def handle(step: Step = step, answers: list[Any] = answers) -> None:
            answers.append(step.intake.offer("r"))
            step.intake.close()
            answers.append(step.intake.offer("late"))

        given = step.hooked(handle)
        del given
        where = f"{step.name}, a handler at {step.where}"
        if not step.over:
            expect(answers[1] is outcome.CLOSED, "CLOSE-1 REENTRY-1", f"{where}: after close an offer is answered {answers[1]}")
        settle(run, step, "REENTRY-1 BOUND-2", ours=("r",) if answers and answers[0] is outcome.ACCEPTED else ())
    if not hasattr(os, "fork") or not hasattr(signal, "setitimer"):
        raise Inconclusive(f"{run.points:,} handler calls by hand; this system has no timer signal")
    seconds = 2.0 if run.full else 0.3
    run.alive()
    in_child(partial(_under_timer, run, seconds), seconds + WAKE_S, "REENTRY-1")
    return f"{run.points:,} handler calls by hand, {seconds:g} s of a 1 ms timer"


def _under_timer(run: Run, seconds: float) -> None:
    """Work on one intake after another while a timer's handler offers to it and every so often closes it."""
    current: list[tuple[Any, list[Any]]] = []
    fired = 0

    def handle(*_: Any) -> None:
        nonlocal fired
        fired += 1
        for intake, answers in current:
            answers.append(intake.offer("from the handler"))
            if fired % 20 == 0:
                intake.close()

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        answers: list[Any] = []
        intake = run.intake(3)
        current.append((intake, answers))
        taken = _until_closed(run, intake, answers)
        current.clear()
        counts = {outcome.name.lower(): answers.count(outcome) for outcome in run.subject.Outcome}
        recount(intake, "under a 1 ms timer", free=3, queued=0, in_flight=0, released=taken, **counts)
        expect(taken == counts["accepted"], "LEDGER-1", f"under a 1 ms timer: {counts['accepted']} accepted, {taken} taken")
    signal.setitimer(signal.ITIMER_REAL, 0)
    expect(fired > 0, "REENTRY-1", "the timer never fired")


def _until_closed(run: Run, intake: Any, answers: list[Any]) -> int:
    taken = 0
    while True:
        answers.extend(intake.offer(number) for number in range(2))
        intake.statistics()
        try:
            while True:
                taken += intake.take(timeout=0).release()
        except run.subject.Closed:
            return taken
        except run.subject.Empty:
            pass


@scenario(
    18,
    "INTERRUPT-1 BOUND-2 LOCAL-1",
    "an asynchronous exception lost a slot or a lock in cpython #74174 and bpo-29988; naive claim-then-publish loses one on "
    "11 to 44 %",
    "Given an exception raised before each bytecode of every operation, its finalisers included, no slot and no accepted "
    "item is lost "
    "or doubled: all slots can be used afterwards, and no more.",
    "A second exception in the finaliser that repairs the first.",
)
def asynchronous_exceptions(run: Run) -> str:
    for step in steps(run, ALL):
        step.interrupted()
        settle(run, step)
    return f"{run.points:,} exceptions in {len(ALL)} operations, {run.in_finalisers} of them in finalisers: 0 slots lost"


@scenario(
    19,
    "FORK-1 BOUND-2",
    "a fork while another thread was inside left a lock held in bpo-6721, sentry #6148 and dd-trace-py #18900",
    "Given a fork while another thread is stopped before a bytecode of an operation, the child's intake is usable at once, "
    "empty, with "
    "all its slots, and closed only if the parent's was; and the parent's goes on.",
    "The quick profile forks at every 23rd bytecode only. Systems without fork.",
)
def forks(run: Run) -> str:
    if not hasattr(os, "fork"):
        raise Inconclusive("this system has no fork")
    stride, forks = 1 if run.full else 23, 0
    tried = {name: ALL[name] for name in ("offer", "take", "release", "drop an unseen lease", "close", "statistics")}
    for step in steps(run, tried):
        if step.position % stride != 1 % stride:
            continue
        with step.frozen() as frozen:
            closing = step.name == "close"
            where = f"forked while another thread is stopped in {step.name} at {step.where}"
            in_child(partial(_use_in_child, run, step.intake, where, closing), PATIENCE_S, "FORK-1")
            given = frozen.thaw()
        del given
        forks += 1
        settle(run, step, "FORK-1 BOUND-2", ours=tuple(step.may))
    closed = run.intake(2)
    closed.offer("parent's")
    closed.close()
    in_child(partial(_stays_closed, run, closed), PATIENCE_S, "FORK-1")
    expect([lease.item for lease in take_all(run, closed)] == ["parent's"], "FORK-1", "the parent lost its item by forking")
    return f"{forks} forks with another thread stopped inside"


def _use_in_child(run: Run, intake: Any, where: str, closing: bool) -> None:
    read = intake.statistics()
    capacity = intake.capacity
    expect(read.free == capacity, "FORK-1 BOUND-2", f"{where}: the child starts with {read.free} of {capacity} slots free")
    if closing and intake.offer("child") is run.subject.Outcome.CLOSED:
        return
    for lease in take_all(run, intake):
        lease.release()
    as_new(run, intake, where, clauses="FORK-1 BOUND-2")
    intake.close()
    left = intake.drain(timeout=0)
    expect(left == 0, "FORK-1", f"{where}: a drain in the child answers {left}")


def _stays_closed(run: Run, intake: Any) -> None:
    ended: type[BaseException] | None = None
    try:
        intake.take()
    except run.subject.Closed as closed:
        ended = type(closed)
    expect(ended is run.subject.Closed, "FORK-1", "a take from a closed intake does not say so in the child")
    answer = intake.offer("child's")
    expect(answer is run.subject.Outcome.CLOSED, "FORK-1", f"closed before the fork, and {answer} in the child")
    expect(intake.drain() == 0, "FORK-1", "a drain of a closed intake does not end in the child")


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
