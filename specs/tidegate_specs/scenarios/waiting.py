"""Scenarios 27 to 35: waits and wake-ups, memory, and reading while others write."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..injection import Interrupt
from .accounting import ONE_AT_A_TIME
from .counts import conserved, recount, take_all
from .jobs import WAKE_S, Job, expect, start
from .operations import ALL, settle, steps
from .run import PATIENCE_S, Run, Step, scenario


@dataclass(slots=True)
class _Wait:
    """Say who waits beside an interrupted operation, for what, and what makes sure that it has something to wake for."""

    step: Step
    waiter: Callable[[], Any]
    then: Callable[[], Any]
    wanted: str


def _no_more() -> None:
    """Do nothing: the interrupted operation has left the waiter something to wake for."""


def _waits(run: Run) -> dict[str, Callable[[], _Wait]]:
    def taken(intake: Any) -> str:
        try:
            lease = intake.take(timeout=60.0)
        except run.subject.Closed:
            return "closed"
        with lease as item:
            return str(item)

    def take_item() -> _Wait:
        intake = run.intake(2)
        intake.offer("a")
        return _Wait(Step(intake, intake.take), partial(taken, intake), _no_more, "a")

    def drop_unseen() -> _Wait:
        intake = run.intake(2)
        intake.offer("a")
        box = [intake.take()]
        return _Wait(Step(intake, box.clear), partial(taken, intake), _no_more, "a")

    def take_closed() -> _Wait:
        intake = run.intake(2)
        intake.close()
        return _Wait(Step(intake, intake.take), partial(taken, intake), _no_more, "closed")

    def take_closed_in_time() -> _Wait:
        intake = run.intake(2)
        intake.close()
        return _Wait(Step(intake, partial(intake.take, timeout=0)), partial(taken, intake), _no_more, "closed")

    def closed_held() -> tuple[Any, Any]:
        intake = run.intake(2)
        intake.offer("a")
        lease = intake.take()
        intake.close()
        return intake, lease

    def wait_in_vain() -> _Wait:
        intake, lease = closed_held()
        return _Wait(Step(intake, partial(intake.take, timeout=0)), partial(taken, intake), lease.release, "closed")

    def look() -> _Wait:
        intake, lease = closed_held()
        return _Wait(Step(intake, lambda: lease.item), partial(taken, intake), lease.release, "closed")

    def release() -> _Wait:
        intake, lease = closed_held()
        return _Wait(Step(intake, lease.release), partial(taken, intake), lease.release, "closed")

    def drop() -> _Wait:
        intake, lease = closed_held()
        _ = lease.item
        box = [lease]
        return _Wait(Step(intake, box.clear), partial(taken, intake), _no_more, "closed")

    def close() -> _Wait:
        intake = run.intake(2)
        return _Wait(Step(intake, intake.close), partial(taken, intake), intake.close, "closed")

    def drain_beside_take() -> _Wait:
        intake = run.intake(2)
        return _Wait(Step(intake, partial(intake.drain, timeout=0)), partial(taken, intake), intake.close, "closed")

    def release_beside_drain() -> _Wait:
        intake, lease = closed_held()
        return _Wait(Step(intake, lease.release), intake.drain, lease.release, "0")

    def drop_beside_drain() -> _Wait:
        intake, lease = closed_held()
        _ = lease.item
        box = [lease]
        return _Wait(Step(intake, box.clear), intake.drain, _no_more, "0")

    def drain_beside_drain() -> _Wait:
        intake, lease = closed_held()
        return _Wait(Step(intake, partial(intake.drain, timeout=0)), intake.drain, lease.release, "0")

    def finished_drain_beside_drain() -> _Wait:
        intake = run.intake(2)
        intake.close()
        return _Wait(Step(intake, intake.drain), intake.drain, _no_more, "0")

    named = (take_item, drop_unseen, take_closed, take_closed_in_time, wait_in_vain, look, release, drop, close)
    drains = (drain_beside_take, release_beside_drain, drop_beside_drain, drain_beside_drain, finished_drain_beside_drain)
    return {make.__name__.replace("_", " "): make for make in (*named, *drains)}


@scenario(
    27,
    "CLOSE-2 LOCAL-1 INTERRUPT-1",
    "an interrupted wait swallowed another waiter's wake-up in cpython #90155 and anyio #1145",
    "Given a taker or a drain that waits while another party is interrupted before each bytecode of take, release, close, "
    "drain or of "
    "dropping a lease: whatever the interrupted one should have brought or passed on reaches the waiter.",
    ONE_AT_A_TIME,
    limit_s=(60.0, 90.0),
)
def lost_wake_up(run: Run) -> str:
    kinds = _waits(run)
    for name, make in kinds.items():
        waits: list[_Wait] = []

        def prepare(_: Run, make: Callable[[], _Wait] = make, waits: list[_Wait] = waits) -> Step:
            waits[:] = [make()]
            return waits[0].step

        for step in steps(run, {name: prepare}):
            _interrupt_beside(run, waits.pop())
            del step
    return f"{run.points:,} interrupts beside a waiter, in {len(kinds)} situations: each waiter woke"


def _interrupt_beside(run: Run, wait: _Wait) -> None:
    jobs: list[Job[Any]] = []

    def interrupt() -> None:
        jobs.append(start(wait.waiter, "the waiter"))
        _let_wait(run, jobs[0])
        raise Interrupt

    step = wait.step
    step.hooked(interrupt)
    if step.over:
        return
    where = f"{step.name}, interrupted at {step.where}"
    wait.then()
    jobs[0].name = f"the waiter beside {where},"
    answer = run.finish(jobs, "CLOSE-2 INTERRUPT-1", PATIENCE_S)[0]
    expect(str(answer) == wait.wanted, "CLOSE-2 LOCAL-1", f"{where}: the waiter got {answer!r} and not {wait.wanted!r}")


def _let_wait(run: Run, job: Job[Any]) -> None:
    """Give a thread time to end, or to get into its wait."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (job.ended.is_set() or run.inside(job)) and time.monotonic() < deadline_s:
        time.sleep(0.0001)
    job.ended.wait(0.0005)


@scenario(
    31,
    "BOUND-1 BOUND-2 LEDGER-1",
    "sizes above capacity or below zero were seen from another thread in JCTools #297 and #292 and in tokio #8062",
    "Given an operation stopped before each bytecode, and threads that work at full speed, statistics read by another thread "
    "are never "
    "outside their bounds, and their ledger adds up.",
    "Readings at every instant: the threads are sampled.",
)
def size_from_outside(run: Run) -> str:
    for step in steps(run, ALL):
        with step.frozen() as frozen:
            conserved(step.intake.statistics(), step.intake.capacity, f"{step.name}, stopped at {step.where}")
            del frozen
    read = _sample(run, 2.0 if run.full else 0.3)
    return f"{run.points:,} stops, {read:,} readings beside 4 threads"


def _sample(run: Run, seconds: float) -> int:
    intake, done = run.intake(3), threading.Event()

    def churn() -> None:
        while not done.is_set():
            intake.offer("a")
            with suppress(run.subject.Empty):
                lease = intake.take(timeout=0)
                _ = lease.item
                lease.release()

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    jobs = [start(churn, "a worker") for _ in range(4)]
    deadline_s, read, last = time.monotonic() + seconds, 0, None
    try:
        while time.monotonic() < deadline_s:
            statistics = intake.statistics()
            conserved(statistics, 3, f"reading {read} beside 4 threads")
            if last is not None:
                grown = all(getattr(statistics, name) >= getattr(last, name) for name in ("accepted", "full", "released", "peak"))
                expect(grown, "LEDGER-1", f"a count went back: {last}, then {statistics}")
            last = statistics
            read += 1
            run.alive()
    finally:
        done.set()
        sys.setswitchinterval(interval_s)
    run.finish(jobs, "NOWAIT-1")
    for lease in take_all(run, intake):
        lease.release()
    recount(intake, "after 4 threads", free=3, queued=0, in_flight=0)
    return read


@scenario(
    32,
    "NOWAIT-1 NOWAIT-2 EXACT-1",
    "the wake-up path waited for a parked consumer in the Disruptor's tryPublishEvent (log4j2 #4009)",
    "Given consumers parked in take, and one stopped for ever at any bytecode of take, release, drain, statistics or close, "
    "every offer "
    "still returns, with the right answer.",
    "Stops inside C calls: they hold the interpreter.",
)
def waiting_wake_up(run: Run) -> str:
    outcome = run.subject.Outcome
    intake = run.intake(3)
    parked = [start(partial(_take_and_release, intake), "a parked consumer") for _ in range(8)]
    time.sleep(0.005)
    answers = [intake.offer(number) for number in range(8)]
    deadline_s = time.monotonic() + WAKE_S
    while answers.count(outcome.ACCEPTED) < len(parked):
        time.sleep(0.0005)
        answers.append(intake.offer("more"))
        expect(time.monotonic() < deadline_s, "EXACT-1 LOCAL-1", "parked consumers did not take what was offered")
    run.finish(parked, "LOCAL-1")
    blocked = {name: prepare for name, prepare in ALL.items() if not name.startswith("collect")}
    for step in steps(run, blocked):
        with step.frozen():
            before = step.intake.statistics()
            offer = start(partial(step.intake.offer, "beside"), "an offer")
            answer = run.finish([offer], "NOWAIT-1 NOWAIT-2", PATIENCE_S)[0]
            where = f"{step.name}, stopped for good at {step.where}"
            known = answer in (outcome.ACCEPTED, outcome.FULL, outcome.CLOSED)
            expect(known, "NOWAIT-2", f"{where}: an offer is answered {answer}")
            if answer is outcome.FULL:
                expect(before.free <= 1, "EXACT-1", f"{where}: FULL with {before.free} slots free")
    return f"8 consumers parked, {run.points:,} stops for good: every offer was answered"


def _take_and_release(intake: Any) -> bool:
    return bool(intake.take(timeout=60.0).release())


@scenario(
    33,
    "NOWAIT-1 EXACT-1 LEASE-1",
    "a worker that logged to its own full queue waited for itself in log4j2 #2893",
    "Given a worker that offers to the full intake whose item it holds, the answer is FULL, at once; and ACCEPTED once it "
    "released.",
    "Several workers that wait for each other by means of their own.",
    needs="offer refuses take release threads",
)
def own_intake(run: Run) -> str:
    outcome = run.subject.Outcome
    for capacity in (1, 2, 64):
        intake = run.intake(capacity)
        for number in range(capacity):
            intake.offer(number)
        answers: list[Any] = []

        def work(intake: Any = intake, answers: list[Any] = answers) -> None:
            with intake.take(timeout=0):
                answers.append(intake.offer("its own"))
            answers.append(intake.offer("its own"))

        run.finish([start(work, "a worker that offers")], "NOWAIT-1", PATIENCE_S)
        wanted = [outcome.FULL, outcome.ACCEPTED]
        expect(answers[0] is not outcome.ACCEPTED, "BOUND-1", f"capacity {capacity}: a full intake accepted an item")
        expect(answers == wanted, "EXACT-1 LEASE-1", f"capacity {capacity}: a worker's own offers were answered {answers}")
        shortest_s = min(_time_s(partial(_fill, intake, capacity)) for _ in range(5))  # whatever else the machine does meanwhile
        expect(shortest_s < _AT_ONCE_S, "NOWAIT-1", f"capacity {capacity}: FULL took {shortest_s:.2f} s at the least")
    return "capacities 1, 2 and 64, and five FULL answers timed for each"


_AT_ONCE_S = 0.1


def _fill(intake: Any, capacity: int) -> None:
    """Offer until the intake is full, and once more."""
    for _ in range(capacity + 1):
        if not intake.offer("more"):
            return


def _time_s(call: Callable[[], None]) -> float:
    begun_s = time.monotonic()
    call()
    return time.monotonic() - begun_s


@scenario(
    34,
    "LEDGER-1 BOUND-2 REENTRY-1",
    "a snapshot iterated a live container and raised in cpython #144809",
    "Given every kind of change before each bytecode of statistics, in the same thread and in another, and threads that change at "
    "full speed, statistics never raises and stays within its bounds.",
    "Readings at every instant: the threads are sampled.",
)
def live_snapshots(run: Run) -> str:
    def prepare(run: Run) -> Step:
        intake = run.intake(3)
        intake.offer("a")
        return Step(intake, intake.statistics)

    for step in steps(run, {"statistics": prepare}):
        statistics = step.hooked(partial(_change, run, step.intake))
        where = f"statistics, with changes inside at {step.where or 'its end'}"
        expect(not isinstance(statistics, type), "LEDGER-1", f"{where} raised {statistics}")
        conserved(statistics, 3, where)
    for step in steps(run, {"statistics": prepare}):
        with step.frozen() as frozen:
            _change(run, step.intake)
            statistics = frozen.thaw()
        where = f"statistics, stopped at {step.where or 'its end'} while another thread changes"
        expect(not isinstance(statistics, type), "LEDGER-1", f"{where} raised {statistics}")
        conserved(statistics, 3, where)
    read = _sample(run, 1.0 if run.full else 0.2)
    return f"{run.points} stops with changes inside, {read:,} readings beside 4 threads"


def _change(run: Run, intake: Any) -> None:
    """Make every kind of change."""
    for number in range(4):
        intake.offer(number)
    leases = take_all(run, intake)
    _ = [lease.item for lease in leases[1:]]
    leases[-1].release()
    del leases, _
    intake.offer("b")
    intake.close()
    intake.offer("late")


@scenario(
    35,
    "INTERRUPT-1 NOWAIT-2 BOUND-2",
    "a signal handler that raised left `with lock:` locked in cpython #148874",
    "Given an exception before each bytecode of every operation, another thread's offer, take, release, statistics, close "
    "and drain "
    "still return, and every slot can be used.",
    "A second exception in the finaliser that repairs the first.",
)
def left_locked(run: Run) -> str:
    for step in steps(run, ALL):
        step.interrupted()
        other = start(partial(_use, run, step), "another thread")
        run.finish([other], "NOWAIT-2 INTERRUPT-1", PATIENCE_S)
    return f"{run.points:,} exceptions, another thread used the intake after each"


def _use(run: Run, step: Step) -> None:
    settle(run, step)
    for lease in take_all(run, step.intake):
        lease.release()
    step.intake.close()
    left = step.intake.drain(timeout=0)
    expect(left == 0, "INTERRUPT-1 BOUND-2", f"{step.name}, interrupted at {step.where}: {left} slots never came home")
