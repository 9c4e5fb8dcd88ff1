"""Scenarios 9 to 13: limits that are passed by one, gauges that drift, slots handed over."""

import threading
import time
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

from ..sweeps.party import ENDED, Party
from .accounting import ONE_AT_A_TIME
from .counts import as_new, conserved, recount, take_all
from .jobs import WAKE_S, expect, start
from .operations import settle, steps
from .run import Run, Step, rounds, scenario

_REFUSALS, _REFUSED_AT = 20_000, 3  # how many, and at which capacity
_WITHOUT_BOUND = 1_000  # offers


@scenario(
    9,
    "BOUND-1 EXACT-1",
    "check-then-act admitted too many in Netflix's concurrency-limits #140 and in OpenTelemetry's deque(maxlen)",
    "Given capacity 1 and 64 producers that start at a barrier, exactly one is accepted, round after round; and with one producer "
    "stopped before each bytecode of offer while another offers.",
    "That no interleaving of three or more offers admits too many: that is for the explorer. Stress never shows a race's absence.",
    limit_s=(40.0, 120.0),
    needs="offer refuses threads",
)
def check_then_act(run: Run) -> str:
    outcome = run.subject.Outcome
    other = Party()
    for step in steps(run, {"offer": _into_one}) if run.can("bytecode") else ():
        with step.frozen() as frozen:
            other.start(partial(step.intake.offer, "other"))
            other.wait()  # that it may have to wait for the first is another clause's business: NOWAIT-2
            first = frozen.thaw()
        expect(other.wait(WAKE_S) == ENDED, "BOUND-1 EXACT-1", f"an offer does not return, after a stop at {step.where}")
        answers = [first, other.answer()]
        accepted = answers.count(outcome.ACCEPTED)
        broken = "BOUND-1" if accepted > 1 else "EXACT-1"
        expect(accepted == 1, broken, f"capacity 1, two offers, one stopped at {step.where}: {answers}")
    other.dismiss()
    producers, together, total = 64, 100, 100_000 if run.full else 5_000
    for done in range(0, total, together):
        run.alive(f"{done:,} of {total:,} rounds")
        intakes = [run.intake(1) for _ in range(together)]
        barrier = threading.Barrier(producers)
        jobs = [start(partial(_offer_in_order, barrier, intakes, outcome.ACCEPTED), "a producer") for _ in range(producers)]
        sums = [sum(column) for column in zip(*run.finish(jobs, "NOWAIT-1", 20.0), strict=True)]
        wrong = [number for number in sums if number != 1]
        broken = "BOUND-1" if max(sums) > 1 else "EXACT-1"
        expect(not wrong, broken, f"capacity 1, {producers} producers: {wrong[:3]} accepted")
    return f"{run.points} stops in offer; {producers} producers, {total:,} rounds, {together} behind each barrier"


def _into_one(run: Run) -> Step:
    intake = run.intake(1)
    return Step(intake, lambda: intake.offer("first"))


def _offer_in_order(barrier: threading.Barrier, intakes: list[Any], accepted: Any) -> list[bool]:
    barrier.wait()
    return [intake.offer(0) is accepted for intake in intakes]


@scenario(
    10,
    "BOUND-1 EXACT-1 LEASE-1",
    "an offer between a release and the woken waiter's resumption got a slot too many in anyio #1170",
    "Given a consumer stopped before each bytecode of take or release, or woken from its wait and not yet back, offers are "
    "accepted "
    "only into slots that are free: never more work than slots.",
    ONE_AT_A_TIME,
)
def hand_over(run: Run) -> str:
    outcome = run.subject.Outcome
    for step in steps(run, {"take": _full_take, "release": _full_release, "drop": _full_drop}):
        with step.frozen() as frozen:
            answers = [step.intake.offer(number) for number in range(3)]
            between = step.intake.statistics()
            lease = frozen.thaw()
        accepted = answers.count(outcome.ACCEPTED)
        conserved(between, 2, f"{step.name}, stopped at {step.where}")
        most = 0 if step.name == "take" else 1
        expect(accepted <= most, "BOUND-1", f"{step.name}, stopped at {step.where}: {accepted} offers into {most} slots")
        if step.name == "take":
            step.held.append(lease)
            step.must.remove("a")
        settle(run, step, "BOUND-1 BOUND-2", ours=tuple(range(accepted)))
        del lease
    return f"{run.points} stops in take, release and drop" + _woken(run)


def _full_take(run: Run) -> Step:
    intake = run.intake(2)
    intake.offer("a")
    intake.offer("b")
    return Step(intake, lambda: intake.take(timeout=0), must=["a", "b"])


def _full_release(run: Run) -> Step:
    step = _full_take(run)
    lease = step.intake.take(timeout=0)
    return Step(step.intake, lease.release, loose=[lease], must=["b"])


def _full_drop(run: Run) -> Step:
    step = _full_take(run)
    box = [step.intake.take(timeout=0)]
    _ = box[0].item
    return Step(step.intake, box.clear, must=["b"])


def _woken(run: Run) -> str:
    """Park takers, wake them by offers, and offer on before they are back."""
    outcome, turns = run.subject.Outcome, 200 if run.full else 20
    for turn in range(turns):
        intake = run.intake(2)
        jobs = [start(partial(intake.take, timeout=WAKE_S), "a parked taker") for _ in range(2)]
        answers = [intake.offer(number) for number in range(5)]
        leases = run.finish(jobs, "CLOSE-2 LOCAL-1")
        expect(answers.count(outcome.ACCEPTED) == 2, "BOUND-1", f"turn {turn}: capacity 2, takers parked: {answers}")
        expect([lease.release() for lease in leases] == [True, True], "LEASE-1", f"turn {turn}: releases failed")
        as_new(run, intake, f"turn {turn}")
    return f", {turns} hand-overs to parked takers"


@scenario(
    11,
    "LEDGER-1 BOUND-2",
    "a gauge drifted away from what it measured in Netflix's concurrency-limits #191",
    "Given random operations and their misuse, statistics equal a recount after each one. (Every scenario here ends with a "
    "recount.)",
    "Statistics while operations are in progress: see scenarios 31 and 34.",
)
def drifting_gauge(run: Run) -> str:
    random, done = Random(run.settings.seed), 0
    for _ in rounds(run, 20, 200, 1):
        books = _Books(run, random.choice((1, 2, 3, 5)))
        for _ in range(200):
            books.step(random)
            books.check(f"seed {run.settings.seed}, operation {done}")
            done += 1
    return f"{done:,} operations, a recount after each (seed {run.settings.seed})"


class _Books:
    """Drive an intake, and count beside it."""

    def __init__(self, run: Run, capacity: int) -> None:
        self.run, self.intake = run, run.intake(capacity)
        self.leases: list[tuple[Any, bool]] = []  # with whether its item was looked at
        self.finished: list[Any] = []
        self.counts = dict.fromkeys(("queued", "in_flight", "accepted", "full", "closed", "released", "abandoned", "peak"), 0)

    def check(self, where: str) -> None:
        free = self.intake.capacity - self.counts["queued"] - self.counts["in_flight"]
        recount(self.intake, where, free=free, **self.counts)

    def step(self, random: Random) -> None:
        match random.choices(("offer", "take", "look", "release", "again", "drop", "close"), (8, 5, 3, 3, 1, 2, 0.02))[0]:
            case "offer":
                self._offer()
            case "take":
                self._take()
            case "close":
                self.intake.close()
            case "again" if self.finished:
                random.choice(self.finished).release()
            case ("look" | "release" | "drop") as what if self.leases:
                self._end(what, random.randrange(len(self.leases)))
            case _:
                pass

    def _offer(self) -> None:
        counts = self.counts
        answer = self.intake.offer(object())
        name = answer.name.lower()
        counts[name] += 1
        if name == "accepted":
            counts["queued"] += 1
            counts["peak"] = max(counts["peak"], counts["queued"] + counts["in_flight"])

    def _take(self) -> None:
        with suppress(self.run.subject.Empty, self.run.subject.Closed):
            self.leases.append((self.intake.take(timeout=0), False))
            self.counts["queued"] -= 1
            self.counts["in_flight"] += 1

    def _end(self, what: str, number: int) -> None:
        counts = self.counts
        lease, seen = self.leases.pop(number)
        if what == "look":
            _ = lease.item
            self.leases.append((lease, True))
            return
        counts["in_flight"] -= 1
        if what == "release":
            lease.release()
            self.finished.append(lease)
            counts["released"] += 1
        else:
            counts["abandoned" if seen else "queued"] += 1


@scenario(
    12,
    "BOUND-1 EXACT-1 HOSTILE-1 FIXED-1",
    "capacity 0 admitted in kubernetes #134196, and limit 1 rejected everything in uvicorn",
    "Given capacity 1, 2, 3 or 64, exactly that many offers are accepted and every further one is FULL, after 20,000 refusals "
    "too; capacity 0 or less is an error.",
    "Large capacities: the benchmark and the sweeps use them.",
    needs="offer refuses take",
)
def off_by_one(run: Run) -> str:
    outcome = run.subject.Outcome
    for capacity in (1, 2, 3, 64):
        intake = run.intake(capacity)
        expect(intake.capacity == capacity, "FIXED-1", f"capacity {capacity} says it is {intake.capacity}")
        for _ in range(2):
            answers = [intake.offer(number) for number in range(capacity + 3)]
            accepted = answers.count(outcome.ACCEPTED)
            if accepted > capacity:
                run.fault("BOUND-1", f"capacity {capacity} accepted {accepted}")
            elif answers[capacity:] != [outcome.FULL] * 3:
                run.fault("EXACT-1", f"capacity {capacity} accepted {accepted}")
            if answers[:capacity] != [outcome.ACCEPTED] * capacity:
                run.fault("EXACT-1", f"capacity {capacity} accepted {accepted}, and not the first {capacity}")
            for lease in take_all(run, intake):
                lease.release()
        if capacity == _REFUSED_AT and not run.faults:
            _refused_for_long(run, intake)
    unbounded = bool(getattr(run.subject, "zero_is_unbounded", False))
    for capacity in (0, -1):
        _no_capacity(run, capacity, unbounded=unbounded)
    end = "0 and -1 without bound, as documented" if unbounded else "0 and -1 refused"
    return f"capacities 1, 2, 3, 64 twice each, {_REFUSED_AT} again after {_REFUSALS:,} refusals; {end}"


def _no_capacity(run: Run, capacity: int, *, unbounded: bool) -> None:
    """See that a capacity that is none is an error; or, where it is documented to mean no bound, that there is none."""
    error: type[BaseException] | None = None
    accepted = 0
    try:
        intake = run.intake(capacity)
        accepted = [bool(intake.offer(number)) for number in range(_WITHOUT_BOUND)].count(True) if unbounded else 0
    except Exception as raised:  # noqa: BLE001  which one it is, is the question
        error = type(raised)
    found = "no error" if error is None else error.__name__
    if not unbounded and error is not ValueError:
        run.fault("HOSTILE-1 FIXED-1", f"capacity {capacity}: {found} where a ValueError belongs")
    if unbounded and accepted != _WITHOUT_BOUND:
        told = f"{found}, {accepted:,} of {_WITHOUT_BOUND:,} offers accepted where it is documented to mean no bound"
        run.fault("HOSTILE-1 FIXED-1", f"capacity {capacity}: {told}")


def _refused_for_long(run: Run, intake: Any) -> None:
    """Fill an intake, have offers refused for long, and see that it holds as many as before."""
    accepted, capacity = run.subject.Outcome.ACCEPTED, intake.capacity
    for number in range(capacity):
        intake.offer(-1 - number)
    for number in range(_REFUSALS):
        if number % 1_000 == 0:
            run.alive()
        if intake.offer(number) is accepted:
            run.fault("BOUND-1 FIXED-1", f"capacity {capacity}, full: one more is accepted after {number:,} refusals")
            return
    for lease in take_all(run, intake):
        lease.release()
    count = [intake.offer(number) for number in range(2 * capacity + 3)].count(accepted)
    told = f"capacity {capacity}: after {_REFUSALS:,} refusals {count} offers are accepted where {capacity} were before"
    if count != capacity:
        run.fault("BOUND-1 FIXED-1" if count > capacity else "EXACT-1", told)


@scenario(
    13,
    "NORETRY-1 LOCAL-1 EXPLICIT-1",
    "rejected work ran anyway in spring-cloud-circuitbreaker #102",
    "Given workers and an overload, no worker ever sees an item that was rejected, and each accepted one is seen once, in order.",
    "Order as seen by several workers at once: only one consumer can tell it.",
    needs="offer refuses take wait close threads",
)
def rejected_work(run: Run) -> str:
    outcome = run.subject.Outcome
    intake = run.intake(3)
    seen: list[int] = []
    answers: dict[int, Any] = {}

    def work() -> None:
        for lease in intake:
            with lease as item:
                seen.append(item)

    for number in range(10):
        answers[number] = intake.offer(number)
    worker = start(work, "a worker")
    for number in range(10, 20_000 if run.full else 2_000):
        answers[number] = intake.offer(number)
        if number % 500 == 0:
            run.alive()
            time.sleep(0.001)
    intake.close()
    for number in range(-3, 0):
        answers[number] = intake.offer(number)
    run.finish([worker], "CLOSE-2", 20.0)
    accepted = [number for number, answer in answers.items() if answer is outcome.ACCEPTED]
    rejected = set(answers) - set(accepted)
    ran = sorted(rejected.intersection(seen))
    expect(not ran, "NORETRY-1", f"{len(ran)} rejected items ran, the first {ran[:3]}")
    if seen != accepted:
        run.fault("LOCAL-1", f"{len(accepted)} accepted, {len(seen)} seen, or in another order")
    recount(intake, "afterwards", free=3, accepted=len(accepted), released=len(accepted))
    return f"{len(answers):,} offers, {len(rejected):,} rejected, none of them seen"
