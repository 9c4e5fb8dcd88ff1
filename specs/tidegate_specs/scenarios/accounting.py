"""Scenarios 1 to 5: who holds a slot, and that the books say so."""

import queue
from contextlib import suppress
from typing import Any

from .counts import as_new, recount
from .jobs import expect, start
from .operations import CONSUMER, settle, steps
from .run import Run, Step, rounds, scenario

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
