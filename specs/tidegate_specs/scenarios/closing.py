"""Scenarios 21 to 26: close and drain."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from .accounting import ONE_AT_A_TIME
from .counts import recount, take_all
from .jobs import WAKE_S, Violation, expect, start
from .operations import steps
from .run import Run, Step, scenario


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for another thread to get somewhere."""
    deadline_s = time.monotonic() + WAKE_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise Violation((), f"{what} did not happen within {WAKE_S:g} s")
        time.sleep(0.0005)


def _ended(run: Run, call: Callable[[], Any]) -> type[BaseException] | None:
    """Name the exception that a call ended with: None if it gave an answer."""
    try:
        call()
    except (run.subject.Empty, run.subject.Closed) as error:
        return type(error)
    return None


@scenario(
    21,
    "CLOSE-1 CLOSE-2",
    "a full background queue could not be told to stop in sentry-python",
    "Given a full intake, with items queued or in flight or both, close succeeds at once, and once more.",
    "Close while other operations are in progress: see scenarios 22, 23 and 25.",
    needs="offer refuses take close threads",
)
def close_when_full(run: Run) -> str:
    outcome = run.subject.Outcome
    for taken in range(4):
        intake = run.intake(3)
        answers = [intake.offer(number) for number in range(4)]
        expect(answers == [outcome.ACCEPTED] * 3 + [outcome.FULL], "BOUND-1 EXACT-1", f"capacity 3 answered {answers}")
        leases = [intake.take(timeout=0) for _ in range(taken)]
        items = [lease.item for lease in leases]
        begun_s = time.monotonic()
        run.finish([start(intake.close, "close")], "CLOSE-1")
        run.finish([start(intake.close, "close again")], "CLOSE-1")
        took_s = time.monotonic() - begun_s
        expect(took_s < WAKE_S, "CLOSE-1", f"closing a full intake twice took {took_s:.1f} s")
        expect(intake.offer("late") is outcome.CLOSED, "CLOSE-1", "an offer after close is not CLOSED")
        rest = take_all(run, intake)
        items += [lease.item for lease in rest]
        expect(sorted(items) == [0, 1, 2], "CLOSE-2", f"closed with 3 accepted, {items} could be taken")
        expect([lease.release() for lease in (*leases, *rest)] == [True] * 3, "LEASE-1", "a release failed")
        expect(_ended(run, intake.take) is run.subject.Closed, "CLOSE-2", "empty and closed, a take does not say so")
    return "4 mixtures of queued and in flight, closed twice each"


@scenario(
    22,
    "CLOSE-2",
    "takers slept through the close in cpython #117531 and tokio #8075",
    "Given takers that wait, with and without a time-out, in loops, and for an item that might be put back: all wake when "
    "nothing can "
    "come any more, and say closed.",
    "A taker interrupted on its way out: see scenario 27.",
    needs="offer refuses take wait close threads",
)
def wake_takers(run: Run) -> str:
    closed, turns, takers = run.subject.Closed, 50 if run.full else 5, 8
    for turn in range(turns):
        intake = run.intake(2)
        waits: list[Callable[[], Any]] = [intake.take, partial(intake.take, timeout=60.0), partial(list, intake)]
        jobs = [start(partial(_ended, run, waits[number % 3]), "a waiting taker") for number in range(takers)]
        if turn % 2:
            time.sleep(0.01)  # let them wait first
        intake.close()
        ends = run.finish(jobs, "CLOSE-2")
        for number, end in enumerate(ends):
            wanted = None if number % 3 == 2 else closed  # a loop just ends
            expect(end is wanted, "CLOSE-2", f"turn {turn}: a waiting taker ended with {end} when the intake closed")
    endings = ("look", "release", "drop the next", "drop after a look") if run.can("drop") else ()
    for ending in endings:
        _wake_by_last_lease(run, ending)
    return f"{turns} x {takers} waiting takers woken by close, {len(endings)} x 3 by the end of the last open item"


def _wake_by_last_lease(run: Run, ending: str) -> None:
    """A held lease whose item nobody has looked at might put it back, so takers go on waiting until that is settled."""
    intake = run.intake(2)
    intake.offer("held")
    box = [intake.take(timeout=0)]
    intake.close()
    jobs = [start(partial(_ended, run, intake.take), "a waiting taker") for _ in range(3)]
    time.sleep(0.01)
    over = [job for job in jobs if job.ended.is_set()]
    expect(not over, "CLOSE-2", "a taker heard closed while an item could still be put back")
    given = 0
    match ending:
        case "look":
            _ = box[0].item
        case "release":
            box[0].release()
        case "drop the next":
            box.clear()
            given = 1  # one of them gets the item; its lease is dropped unseen in turn, and so on, until one looks
            _wait_until(lambda: any(job.ended.is_set() for job in jobs), "taking an item that was put back")
            box.extend(lease for lease in take_all(run, intake))
            for lease in box:
                lease.release()
        case _:
            _ = box[0].item
            box.clear()
    ends = run.finish(jobs, "CLOSE-2")
    expect(ends.count(run.subject.Closed) >= 3 - given - 2 * (given > 0), "CLOSE-2", f"{ending}: waiting takers ended with {ends}")


@scenario(
    23,
    "CLOSE-1 CLOSE-2 LEDGER-1",
    "an offer racing close was accepted and then lost in disruptor #187 and #517",
    "Given an offer stopped before each bytecode while the intake is closed, drained and taken from, or a close so stopped "
    "while offers "
    "come: the offer is CLOSED, or accepted in full; nobody hears closed, and no drain says 0, before an item that is still "
    "to come.",
    "Every interleaving of both: that is for the explorer.",
)
def close_races_offer(run: Run) -> str:
    for name in ("offer", "offer to one free slot"):
        capacity = 1 if name == "offer to one free slot" else 2
        for step in steps(run, {name: partial(_open, capacity)}):
            with step.frozen() as frozen:
                first = _close_around(run, step)
                answer = frozen.thaw()
            _judge_close(run, step, answer, first)
    for step in steps(run, {"close": _closing}):
        with step.frozen() as frozen:
            answers = [step.intake.offer(number) for number in range(2)]
            taken = take_all(run, step.intake)
            frozen.thaw()
        accepted = answers.count(run.subject.Outcome.ACCEPTED)
        expect(run.subject.Outcome.FULL not in answers, "CLOSE-1", f"2 slots free, close stopped at {step.where}: {answers}")
        rest = take_all(run, step.intake)
        counted = len(taken) + len(rest)
        expect(counted == accepted, "CLOSE-1", f"close stopped at {step.where}: {accepted} accepted, {counted} taken")
        expect(step.intake.offer("late") is run.subject.Outcome.CLOSED, "CLOSE-1", "an offer after close is not CLOSED")
    for step in steps(run, {"close": _closing}):
        inside: list[Any] = []
        step.hooked(partial(_offer_twice, step.intake, inside))
        accepted, rest = inside.count(run.subject.Outcome.ACCEPTED), take_all(run, step.intake)
        expect(len(rest) == accepted, "CLOSE-1", f"offers inside close at {step.where}: {accepted} accepted, {len(rest)} taken")
    return f"{run.points} stops in offer and close"


def _open(capacity: int, run: Run) -> Step:
    intake = run.intake(capacity)
    return Step(intake, lambda: intake.offer("o"))


def _closing(run: Run) -> Step:
    intake = run.intake(2)
    return Step(intake, intake.close)


def _offer_twice(intake: Any, answers: list[Any]) -> None:
    answers.extend(intake.offer(number) for number in range(2))


def _close_around(run: Run, step: Step) -> tuple[int, list[Any], type[BaseException] | None]:
    """Close, drain and take while an offer is stopped. Gives what the drain said, the leases, and how the last take ended."""
    step.intake.close()
    left = step.intake.drain(timeout=0)
    leases: list[Any] = []
    end = _ended(run, lambda: leases.append(step.intake.take(timeout=0)))
    if leases:
        _ = leases[0].item
        end = _ended(run, partial(step.intake.take, timeout=0))
    return left, leases, end


def _judge_close(run: Run, step: Step, answer: Any, before: tuple[int, list[Any], type[BaseException] | None]) -> None:
    outcome = run.subject.Outcome
    left, leases, end = before
    where = f"an offer stopped at {step.where or 'its end'}, the intake closed"
    expect(answer in (outcome.ACCEPTED, outcome.CLOSED), "CLOSE-1", f"{where}: answered {answer} with a slot free")
    after = take_all(run, step.intake)
    items = [lease.item for lease in (*leases, *after)]
    accepted = answer is outcome.ACCEPTED
    expect(items == ["o"] * accepted, "CLOSE-1 CLOSE-2 LEDGER-1", f"{where}: answered {answer}, and {items} could be taken")
    if after:
        expect(end is not run.subject.Closed, "CLOSE-2", f"{where}: a take said closed, and then {items} appeared")
        expect(left > 0, "CLOSE-2", f"{where}: a drain said 0, and then {items} appeared")
    for lease in (*leases, *after):
        lease.release()
    expect(step.intake.drain(timeout=0) == 0, "CLOSE-2 BOUND-2", f"{where}: afterwards not every slot came home")
    capacity = step.intake.capacity
    recount(step.intake, where, free=capacity, accepted=int(accepted), released=int(accepted))


@scenario(
    24,
    "CLOSE-2 LEDGER-1",
    "a shutdown that never ended in logstash-logback-encoder #89 and disruptor #381",
    "Given workers that never finish, a drain returns at its deadline with the exact number of unfinished items, however busy the "
    "producers; and at once when the last one finishes.",
    "A deadline held to the millisecond: the machine may be busy.",
)
def endless_drain(run: Run) -> str:
    for queued in range(3):
        for in_flight in range(3):
            intake = run.intake(5)
            for number in range(queued + in_flight):
                intake.offer(number)
            leases = [intake.take(timeout=0) for _ in range(in_flight)]
            for timeout_s in (0, 0.02):
                begun_s = time.monotonic()
                left = run.finish([start(partial(intake.drain, timeout=timeout_s), "a drain")], "CLOSE-2")[0]
                took_s = time.monotonic() - begun_s
                where = f"{queued} queued and {in_flight} in flight, {timeout_s} s"
                expect(left == queued + in_flight, "CLOSE-2 LEDGER-1", f"a drain of {where} answered {left}")
                expect(left == 0 or took_s >= timeout_s, "CLOSE-2", f"a drain of {where} gave up after {took_s:.4f} s")
            del leases
    spent = _drain_beside_producers(run)
    drains = _drain_until_finished(run)
    return f"18 drains with work left, {spent} offers beside one, {drains} drains that ended with the last item"


def _drain_beside_producers(run: Run) -> int:
    intake = run.intake(2)
    intake.offer("held")
    lease = intake.take(timeout=0)
    stop = threading.Event()

    def spin() -> int:
        offers = 0
        while not stop.is_set():
            intake.offer(offers)
            offers += 1
        return offers

    producers = [start(spin, "a producer") for _ in range(2)]
    drain = start(partial(intake.drain, timeout=0.1), "a drain")
    try:
        left = run.finish([drain], "CLOSE-2")[0]
    finally:
        stop.set()
    spent: int = sum(run.finish(producers, "NOWAIT-1"))
    unfinished = len(take_all(run, intake)) + 1
    expect(left == unfinished, "CLOSE-2 LEDGER-1", f"beside producers a drain answered {left}, unfinished are {unfinished}")
    lease.release()
    return spent


def _drain_until_finished(run: Run) -> int:
    intake = run.intake(3)
    for number in range(3):
        intake.offer(number)
    leases = [intake.take(timeout=0) for _ in range(3)]
    drains = [start(partial(intake.drain, timeout=timeout), "a drain") for timeout in (None, 60.0, None)]
    time.sleep(0.01)
    for lease in leases:
        expect(not any(drain.ended.is_set() for drain in drains), "CLOSE-2", "a drain ended before the last item was finished")
        lease.release()
    answers = run.finish(drains, "CLOSE-2")
    expect(answers == [0, 0, 0], "CLOSE-2", f"drains that ended with the last item answered {answers}")
    return len(answers)


@scenario(
    25,
    "CLOSE-2 LEASE-1 LEDGER-1",
    "a worker that was busy when the queue was shut down got an exception in cpython #116631",
    "Given a worker in the middle of an item, or stopped before any bytecode of taking or releasing it, when the intake "
    "closes: the "
    "worker sees no exception, and the counts are exact.",
    ONE_AT_A_TIME,
)
def close_mid_item(run: Run) -> str:
    def prepare(run: Run) -> Step:
        intake = run.intake(2)
        intake.offer("a")
        seen: list[Any] = []

        def work() -> str:
            with intake.take(timeout=0) as item:
                seen.append(item)
            return f"did {seen}"

        return Step(intake, work)

    for step in steps(run, {"work": prepare}):
        with step.frozen() as frozen:
            step.intake.close()
            ended = frozen.thaw()
        where = f"a worker stopped at {step.where or 'its end'} while the intake closed"
        expect(ended == "did ['a']", "CLOSE-2 LEASE-1", f"{where} ended with {ended}")
        recount(step.intake, where, free=2, queued=0, in_flight=0, accepted=1, released=1, abandoned=0)
        expect(step.intake.drain(timeout=0) == 0, "CLOSE-2", f"{where}: the drain does not answer 0")
    intake = run.intake(4)
    inside, go = threading.Semaphore(0), threading.Event()

    def work() -> int:
        done = 0
        for lease in intake:
            with lease:
                inside.release()
                go.wait(WAKE_S)
            done += 1
        return done

    for number in range(4):
        intake.offer(number)
    workers = [start(work, "a worker") for _ in range(2)]
    expect(all(inside.acquire(timeout=WAKE_S) for _ in workers), "LOCAL-1", "two workers did not get an item each")
    intake.close()
    recount(intake, "closed with two items in the middle", queued=2, in_flight=2)
    go.set()
    done = run.finish(workers, "CLOSE-2")
    expect(sum(done) == 4, "CLOSE-2 LOCAL-1", f"4 items accepted, {sum(done)} done after close")
    recount(intake, "afterwards", free=4, released=4, abandoned=0)
    return f"{run.points} stops in a worker, 2 workers in the middle of an item"


@scenario(
    26,
    "CLOSE-2 LOCAL-1",
    "what was published before the consumers started was lost at shutdown in disruptor #111",
    "Given a close before any consumer started, what was accepted can still be taken, in order, and then the consumers end.",
    "Consumers in other processes.",
    needs="offer refuses take wait close",
)
def close_before_consumers(run: Run) -> str:
    outcome = run.subject.Outcome
    for capacity in (1, 3, 64):
        intake = run.intake(capacity)
        answers = [intake.offer(number) for number in range(capacity)]
        expect(set(answers) == {outcome.ACCEPTED}, "EXACT-1", f"capacity {capacity} answered {answers}")
        intake.close()
        items: list[int] = []

        def consume(intake: Any = intake, items: list[int] = items) -> None:
            for lease in intake:
                with lease as item:
                    items.append(item)

        run.finish([start(consume, "a late consumer")], "CLOSE-2")
        told = f"{capacity} accepted before close, taken {items}"
        expect(sorted(items) == list(range(capacity)), "CLOSE-2 LOCAL-1", told)
        expect(items == list(range(capacity)), "LOCAL-1", told)
        with suppress(run.subject.Closed):
            intake.take(timeout=0)
            expect(False, "CLOSE-2", "a take from a closed, empty intake gave a lease")
        if run.can("drain"):
            expect(intake.drain(timeout=0) == 0, "CLOSE-2", "a drain of a finished intake does not answer 0")
    return "capacities 1, 3 and 64, consumers started after close"
