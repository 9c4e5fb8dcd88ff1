"""Scenarios 1 to 13: who holds a slot, and that the books say so."""

import gc
import logging
import os
import queue
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from ..injection import quiet_finalisers
from ..sweeps.party import ENDED, Party
from .operations import CONSUMER, settle, steps
from .run import WAKE_S, Run, Step, as_new, conserved, expect, recount, rounds, scenario, start, take_all

_REFUSALS, _REFUSED_AT = 20_000, 3  # how many, and at which capacity
_WITHOUT_BOUND = 1_000  # offers
ONE_AT_A_TIME = "Two disturbances in one run: those are for the explorer."


@scenario(
    1,
    "BOUND-1 BOUND-2 LEDGER-1",
    "rejections decremented the count in grpc #41531 and envoy #22390",
    "Given capacity 1, wave after wave of 3 offers: one is accepted, and what is in flight is never above 1 nor below 0.",
    "Waves from several threads: see scenario 9.",
    needs="offer refuses take",
)
def waves(run: Run) -> str:
    outcome = run.subject.Outcome
    intake = run.intake(1)
    for wave in rounds(run, 1000, 1000, 100):
        where = f"wave {wave}"
        answers = [intake.offer(wave) for _ in range(3)]
        broken = "BOUND-1" if answers.count(outcome.ACCEPTED) > 1 else "BOUND-2"
        expect(answers == [outcome.ACCEPTED, outcome.FULL, outcome.FULL], broken, f"{where}: 3 offers, capacity 1: {answers}")
        with run.noting("LEDGER-1"):
            recount(intake, where, free=0, queued=1, in_flight=0, accepted=wave + 1, full=2 * (wave + 1), released=wave)
        lease = intake.take(timeout=0)
        with run.noting("LEDGER-1"):
            recount(intake, where, free=0, queued=0, in_flight=1)
        expect(lease.release() is True, "LEASE-1", f"{where}: the release was no release")
        with run.noting("LEDGER-1"):
            recount(intake, where, free=1, queued=0, in_flight=0, released=wave + 1)
    with run.noting("LEDGER-1"):
        as_new(run, intake, "after all waves")
    return "1,000 waves of 3 offers"


@scenario(
    2,
    "BOUND-2 LOCAL-1",
    "an abandoned wait ate a permit in failsafe #393",
    "Given as many timed-out takes as there are slots and more, as many offers and takes succeed as before.",
    "Takes interrupted while they wait: see scenarios 3 and 27.",
    needs="offer refuses take wait",
)
def abandoned_waits(run: Run) -> str:
    capacity = 64
    intake = run.intake(capacity)
    for number in range(2 * capacity):
        with suppress(run.subject.Empty):
            intake.take(timeout=0.001 if number % 8 == 0 else 0)
            expect(False, "LOCAL-1", "a take from an empty intake gave a lease")
    as_new(run, intake, f"after {2 * capacity} timed-out takes")
    return f"{2 * capacity} timed-out takes, then {capacity} offers and takes"


@scenario(
    3,
    "INTERRUPT-1 BOUND-2 LEASE-1 LOCAL-1",
    "a cancelled acquisition lost 2 of 3 permits in hyx",
    "Given a consumer interrupted before each bytecode of take, of looking at the item, of release, or of dropping a lease: "
    "no slot "
    "and no item is lost or doubled, and all slots are free afterwards.",
    ONE_AT_A_TIME,
)
def interrupted_consumer(run: Run) -> str:
    for step in steps(run, CONSUMER):
        step.interrupted()
        settle(run, step)
    return f"{run.points:,} interrupts in {len(CONSUMER)} operations, 0 slots lost"


class _WorkerError(Exception):
    pass


@scenario(
    4,
    "LEASE-1 BOUND-2 LOCAL-1",
    "a worker that raised the limiter's own error freed its permit twice or never in dubbo #16455",
    "Given a worker that raises the intake's own exceptions, its slot is freed once and the exception reaches its caller.",
    "Exceptions raised inside the kernel: see scenarios 3 and 18.",
)
def worker_raises_ours(run: Run) -> str:
    kinds = (run.subject.Empty, run.subject.Closed, queue.Empty, queue.Full, IndexError, StopIteration, KeyError, _WorkerError)
    for kind in kinds:
        intake = run.intake(2)
        intake.offer("a")
        intake.offer("b")
        for looped in (False, True):
            error = kind("the worker's")
            caught: BaseException | None = None
            try:
                _work(intake, error, looped)
            except Exception as raised:  # noqa: BLE001  which one it is, is the question
                caught = raised
            expect(caught is error, "LOCAL-1", f"the worker raised {error!r}, its caller saw {caught!r}")
        recount(intake, f"workers raised {kind.__name__}", free=2, queued=0, in_flight=0, released=2, abandoned=0)
        as_new(run, intake, f"workers raised {kind.__name__}")
    return f"{len(kinds)} exceptions, raised in a with block and in a loop"


def _work(intake: Any, error: Exception, looped: bool) -> None:
    if looped:
        for lease in intake:
            with lease:
                raise error
    with intake.take(timeout=0):
        raise error


@scenario(
    5,
    "LEASE-1 BOUND-1 BOUND-2",
    "a second release freed a second permit in resilience4j #1569",
    "Given a lease released twice, one after the other and by two threads at once with either stopped before each bytecode: one "
    "release says so, one slot is freed, and nobody waits.",
    "Three and more releases at once.",
)
def double_release(run: Run) -> str:
    def prepare(run: Run) -> Step:
        intake = run.intake(2)
        intake.offer("a")
        intake.offer("b")
        lease = intake.take(timeout=0)
        return Step(intake, lease.release, loose=[lease], must=["b"])

    step = prepare(run)
    answers = [step.operation() for _ in range(3)]
    expect(answers == [True, False, False], "LEASE-1", f"3 releases of a lease answered {answers}")
    settle(run, step, "LEASE-1 BOUND-2")
    for step in steps(run, {"release": prepare}):
        with step.frozen() as frozen:
            other = step.operation()
            between = step.intake.offer("c") if other else None
            first = frozen.thaw()
        expect(
            sorted((first, other)) == [False, True],
            "LEASE-1",
            f"two releases at once, one stopped at {step.where}, answered {first} and {other}",
        )
        settle(run, step, "LEASE-1 BOUND-1 BOUND-2", ours=("c",) if between else ())
    intake, pairs = run.intake(1), 2000 if run.full else 200
    leases: list[Any] = []
    for number in range(pairs):
        intake.offer(number)
        leases.append(intake.take(timeout=0))
        answers = run.finish([start(leases[-1].release, "a release") for _ in range(2)], "LEASE-1")
        expect(sorted(answers) == [False, True], "LEASE-1", f"two threads released one lease: {answers}")
        recount(intake, f"pair {number}", free=1, in_flight=0, released=number + 1)
    expect(not any(lease.release() for lease in leases), "LEASE-1", "an old lease released a later one's slot")
    as_new(run, intake, "after all pairs")
    return f"{run.points} stops in release, {pairs} pairs of threads"


class _Hostile(Exception):
    """Raised by every hook."""


def _raise(*_: object, **__: object) -> None:
    raise _Hostile


class _Raiser:
    """An item whose finaliser raises, as long as the fuse is there."""

    def __init__(self, fuse: list[bool]) -> None:
        self.fuse = fuse

    def __del__(self) -> None:
        if self.fuse:
            raise _Hostile


class _RaisingHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise _Hostile(record)


@contextmanager
def _raising_hooks() -> Generator[list[bool], None, None]:
    """Make whatever the interpreter or a library could call on the way raise: handlers, writers, filters, callbacks.

    Gives the fuse for items whose finalisers raise.
    """
    fuse = [True]
    root, handler = logging.getLogger(), _RaisingHandler()
    level, writer = root.level, SimpleNamespace(write=_raise, flush=_raise)
    with ExitStack() as stack:
        stack.callback(root.setLevel, level)
        stack.callback(root.removeHandler, handler)
        stack.callback(gc.callbacks.remove, _raise)
        stack.enter_context(patch.object(sys, "stdout", writer))
        stack.enter_context(patch.object(sys, "stderr", writer))
        stack.enter_context(patch.object(warnings, "showwarning", _raise))
        root.addHandler(handler)
        root.setLevel(logging.NOTSET)
        gc.callbacks.append(_raise)
        try:
            yield fuse
        finally:
            fuse.clear()


@scenario(
    6,
    "QUIET-1 EXPLICIT-1 BOUND-2",
    "a listener that raised changed the outcome in resilience4j",
    "Given log handlers, warnings, writers, collector callbacks, weak-reference callbacks and finalisers of items that all raise: "
    "every answer is what it would have been, and every slot is conserved.",
    "A hook that waits instead of raising: see scenario 20.",
)
def raising_hooks(run: Run) -> str:
    outcome = run.subject.Outcome
    with quiet_finalisers() as unraisable, _raising_hooks() as fuse:
        intake = run.intake(2)
        answers = [intake.offer(_Raiser(fuse)) for _ in range(4)]
        unseen = intake.take(timeout=0)
        del unseen
        _ = intake.take(timeout=0).item
        lease = intake.take(timeout=0)
        callback = weakref.ref(lease.item, _raise)
        gc.collect()
        released = lease.release()
        intake.close()
        answers.append(intake.offer(_Raiser(fuse)))
        unfinished = intake.drain(timeout=0)
        statistics = intake.statistics()
        del _, lease, intake
    wanted = [outcome.ACCEPTED, outcome.ACCEPTED, outcome.FULL, outcome.FULL, outcome.CLOSED]
    expect(answers == wanted, "QUIET-1 EXPLICIT-1", f"with hooks that raise the answers are {answers}")
    expect(released is True and callback() is None, "QUIET-1 BOUND-2", "with hooks that raise a release was not one")
    expect(unfinished == 0, "BOUND-2", f"with hooks that raise {unfinished} slots never came home")
    conserved(statistics, 2, "with hooks that raise")
    return f"{len(answers)} answers, {len(unraisable.names)} exceptions in hooks"


class _Clock:
    """A clock in place of the ones the subject reads: a step for each reading."""

    def __init__(self, step_s: float) -> None:
        self.now_s, self.step_s = 1000.0, step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s

    def in_ns(self) -> int:
        return int(self() * 1e9)


_CLOCKS_S = ("monotonic", "time", "perf_counter")


@contextmanager
def _clocked(run: Run, clock: _Clock) -> Generator[int, None, None]:
    """Replace the clocks that the subject's modules have bound, directly or through the `time` module. Gives how many."""
    named = dict.fromkeys(_CLOCKS_S, clock) | {f"{name}_ns": clock.in_ns for name in _CLOCKS_S}
    fake = {getattr(time, name): new for name, new in named.items()}
    proxy = SimpleNamespace(**(vars(time) | named))
    with ExitStack() as stack:
        replaced = 0
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if file and any(file == at or (at.endswith(os.sep) and file.startswith(at)) for at in run.files):
                for name, value in list(vars(module).items()):
                    new = proxy if value is time else fake.get(value) if callable(value) and value in fake else None
                    if new is not None:
                        stack.enter_context(patch.object(module, name, new))
                        replaced += 1
        yield replaced


@scenario(
    7,
    "LEASE-1 CLOSE-2 RECOVER-1",
    "a round trip of zero or less was never released in Netflix's concurrency-limits with Vegas",
    "Given a clock that stands still, runs backwards or leaps, every release happens; and unless it runs backwards, waits end.",
    "A clock of the C library's that misbehaves inside a wait: only readings made in Python are replaced.",
)
def odd_clocks(run: Run) -> str:
    clocks = 0
    for step_s in (0.0, -60.0, 1e6):
        where = f"the clock moves {step_s:+g} s a reading"
        with _clocked(run, _Clock(step_s)) as replaced:
            clocks += replaced
            intake = run.intake(3)
            for number in range(3):
                intake.offer(number)
            leases = [intake.take(timeout=1) for _ in range(3)]
            _ = leases[1].item
            for lease in leases[:2]:
                expect(lease.release() is True, "LEASE-1", f"{where}: a release was not one")
            recount(intake, where, free=2, queued=0, in_flight=1, released=2)
            with suppress(run.subject.Empty):
                intake.take(timeout=0.01)
                expect(False, "LOCAL-1", f"{where}: a take from an empty intake gave a lease")
            if step_s >= 0:
                left = intake.drain(timeout=0.01)
                expect(left == 1, "CLOSE-2", f"{where}: a drain with one lease held answered {left}")
            expect(leases[2].release() is True, "LEASE-1", f"{where}: a release was not one")
            expect(intake.drain(timeout=1) == 0, "CLOSE-2", f"{where}: a drain of a finished intake did not answer 0")
    return f"3 kinds of clock, {clocks // 3} of the subject's replaced"


@scenario(
    8,
    "LEASE-1 BOUND-2",
    "a hand-off that refused kept the permit in Netflix's concurrency-limits #190",
    "Given an executor behind the intake that refuses the work, the slot is given back.",
    "A hand-off inside the kernel that fails: see scenario 18.",
)
def refusing_hand_off(run: Run) -> str:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    intake = run.intake(2)
    for number in range(100):
        intake.offer(number)
        refused = False
        try:
            if number % 2:
                with intake.take(timeout=0) as item:
                    executor.submit(print, item)
            else:
                executor.submit(print, intake.take(timeout=0).item)
        except RuntimeError:
            refused = True
        expect(refused, "LEASE-1", "the executor's refusal was swallowed")
        recount(intake, f"hand-off {number}", free=2, queued=0, in_flight=0, accepted=number + 1)
    recount(intake, "after all hand-offs", released=50, abandoned=50)
    as_new(run, intake, "after all hand-offs")
    return "100 refused hand-offs, 50 in a with block"


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
