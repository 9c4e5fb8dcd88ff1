"""Scenarios 17 to 19: signal handlers, asynchronous exceptions, forks."""

import os
import signal
import time
from functools import partial
from typing import Any

from .counts import as_new, recount, take_all
from .jobs import WAKE_S, expect
from .operations import ALL, settle, steps
from .run import PATIENCE_S, Inconclusive, Run, Step, in_child, scenario


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
