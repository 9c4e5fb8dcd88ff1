"""The operations that are disturbed at every bytecode, each on a fresh intake in a known state, and how to settle up afterwards."""

import gc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .counts import conserved, take_all
from .jobs import expect
from .run import Inconclusive, Run, Step

Prepare = Callable[[Run], Step]


class _Knot:
    """Hold a lease in a reference cycle, so that only the collector finds it."""

    def __init__(self, lease: Any) -> None:
        self.lease = lease
        self.me = self


def _filled(run: Run, capacity: int, *items: Any) -> Any:
    intake = run.intake(capacity)
    for item in items:
        intake.offer(item)
    return intake


def _seen(intake: Any) -> Any:
    lease = intake.take(timeout=0)
    _ = lease.item
    return lease


def _offer(run: Run) -> Step:
    intake = _filled(run, 2, "a")
    return Step(intake, lambda: intake.offer("b"), must=["a"], may=["b"])


def _offer_last(run: Run) -> Step:
    intake = _filled(run, 2, "a")
    held = [_seen(intake)]
    return Step(intake, lambda: intake.offer("b"), held=held, may=["b"])


def _offer_full(run: Run) -> Step:
    intake = _filled(run, 1, "a")
    return Step(intake, lambda: intake.offer("b"), must=["a"])


def _offer_closed(run: Run) -> Step:
    intake = _filled(run, 2, "a")
    intake.close()
    return Step(intake, lambda: intake.offer("b"), must=["a"])


def _take(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    return Step(intake, intake.take, must=["a", "b"])


def _take_timed(run: Run) -> Step:
    intake = _filled(run, 2, "a")
    return Step(intake, lambda: intake.take(timeout=1.0), must=["a"])


def _take_empty(run: Run) -> Step:
    intake = _filled(run, 2)
    return Step(intake, lambda: intake.take(timeout=0))


def _take_last(run: Run) -> Step:
    intake = _filled(run, 2, "a")
    intake.close()
    return Step(intake, intake.take, must=["a"])


def _take_closed(run: Run) -> Step:
    intake = _filled(run, 2)
    intake.close()
    return Step(intake, intake.take)


def _next(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    return Step(intake, lambda: next(iter(intake)), must=["a", "b"])


def _with(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")

    def work() -> None:
        with intake.take():
            pass

    return Step(intake, work, must=["b"], may=["a"])


def _item(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    lease = intake.take()
    return Step(intake, lambda: lease.item, held=[lease], must=["b"])


def _release(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    lease = _seen(intake)
    return Step(intake, lease.release, loose=[lease], must=["b"])


def _release_unseen(run: Run) -> Step:
    intake = _filled(run, 1, "a")
    lease = intake.take()
    return Step(intake, lease.release, loose=[lease])


def _release_closed(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    lease = _seen(intake)
    intake.close()
    return Step(intake, lease.release, loose=[lease], must=["b"])


def _release_again(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    lease = _seen(intake)
    lease.release()
    return Step(intake, lease.release, must=["b"])


def _drop(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    box = [_seen(intake)]
    return Step(intake, box.clear, must=["b"])


def _drop_unseen(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    box = [intake.take()]
    return Step(intake, box.clear, must=["a", "b"])


def _drop_closed(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    box = [_seen(intake), intake.take()]
    intake.close()
    return Step(intake, box.clear, must=["b"])


def _collect(run: Run) -> Step:
    gc.freeze()  # so that a collection finds nothing but the knot
    intake = _filled(run, 3, "a", "b")
    _Knot(_seen(intake))
    _Knot(intake.take())
    return Step(intake, gc.collect, must=["b"])


def _collect_all(run: Run) -> Step:
    gc.freeze()
    intake = _filled(run, 2, "a", "b")
    _Knot([_seen(intake), intake.take()])  # every slot of the intake is in the cycle
    return Step(intake, gc.collect, must=["b"])


def _close(run: Run) -> Step:
    intake = _filled(run, 2, "a")
    return Step(intake, intake.close, must=["a"])


def _close_full(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    held = [_seen(intake)]
    return Step(intake, intake.close, held=held, must=["b"])


def _drain(run: Run) -> Step:
    intake = _filled(run, 2)
    return Step(intake, lambda: intake.drain(timeout=0))


def _drain_busy(run: Run) -> Step:
    intake = _filled(run, 3, "a", "b")
    held = [_seen(intake)]
    return Step(intake, lambda: intake.drain(timeout=0), held=held, must=["b"])


def _statistics(run: Run) -> Step:
    intake = _filled(run, 2, "a", "b")
    held = [_seen(intake)]
    return Step(intake, intake.statistics, held=held, must=["b"])


PRODUCER: dict[str, Prepare] = {
    "offer": _offer,
    "offer to the last slot": _offer_last,
    "offer to a full intake": _offer_full,
    "offer to a closed intake": _offer_closed,
}
CONSUMER: dict[str, Prepare] = {
    "take": _take,
    "take with a time-out": _take_timed,
    "take from an empty intake": _take_empty,
    "take the last item of a closed intake": _take_last,
    "take from a closed intake": _take_closed,
    "iterate": _next,
    "with": _with,
    "look at the item": _item,
    "release": _release,
    "release an unseen item": _release_unseen,
    "release after close": _release_closed,
    "release again": _release_again,
    "drop a lease": _drop,
    "drop an unseen lease": _drop_unseen,
    "drop leases after close": _drop_closed,
    "collect leases in cycles": _collect,
    "collect all leases in one cycle": _collect_all,
}
OWNER: dict[str, Prepare] = {
    "close": _close,
    "close a full intake": _close_full,
    "drain": _drain,
    "drain a busy intake": _drain_busy,
    "statistics": _statistics,
}
ALL: dict[str, Prepare] = PRODUCER | CONSUMER | OWNER


def steps(run: Run, operations: dict[str, Prepare]) -> Iterator[Step]:
    """Give a fresh step for each bytecode of each operation, until the caller finds each operation over before it."""
    with run.injecting() as (injector, _):
        before = run.points
        try:
            for name, prepare in operations.items():
                run.alive(name)
                for step, _ in run.at_every_bytecode(injector, partial(prepare, run)):
                    step.name = name
                    yield step
        finally:
            gc.unfreeze()
        if run.points == before:
            raise Inconclusive("not one bytecode of the subject was seen: is it written in C, or not in files?")


def settle(run: Run, step: Step, clauses: str = "INTERRUPT-1 BOUND-2", *, ours: tuple[Any, ...] = ()) -> None:
    """Check after a disturbed operation that nothing was lost or minted, first by the books, then by using every slot there is.

    ours: items that the disturbance itself had accepted; each comes out once, too.
    """
    intake, where = step.intake, f"{step.name}, disturbed at {step.where or 'its end'}"
    capacity = intake.capacity
    outcome = run.subject.Outcome
    read = intake.statistics()
    conserved(read, capacity, where)
    held = len(step.held)
    expect(
        held <= read.in_flight <= held + len(step.loose),
        clauses,
        f"{where}: {read.in_flight} slots are in flight, {held} to {held + len(step.loose)} leases are held",
    )
    leases = take_all(run, intake)
    items = [lease.item for lease in leases]
    for item in (*step.must, *ours):
        times = items.count(item)
        expect(times == 1, f"{clauses} LOCAL-1", f"{where}: the accepted item {item!r} came out {times} times")
    for item in step.may:
        expect(items.count(item) <= 1, f"{clauses} LOCAL-1", f"{where}: the item {item!r} came out more than once")
    strange = [item for item in items if item not in (*step.must, *step.may, *ours)]
    expect(not strange, f"{clauses} NORETRY-1", f"{where}: {strange} came out and should not have")
    for lease in leases:
        expect(lease.release() is True, f"{clauses} LEASE-1", f"{where}: a lease just taken was released already")
    for lease in step.held:
        expect(lease.release() is True, f"{clauses} LEASE-1", f"{where}: a held lease was released by nobody, and yet was")
    for lease in step.loose:
        lease.release()
    read = intake.statistics()
    expect(read.free == capacity, clauses, f"{where}: with everything released {read.free} of {capacity} slots are free")
    answers = [intake.offer(("after", number)) for number in range(capacity + 1)]
    if answers[0] is outcome.CLOSED:
        expect(set(answers) == {outcome.CLOSED}, "CLOSE-1", f"{where}: a closed intake answered {answers}")
        left = intake.drain(timeout=0)
        expect(left == 0, clauses, f"{where}: {left} slots of a closed, empty intake never came home")
        return
    accepted = answers.count(outcome.ACCEPTED)
    expect(accepted == capacity, clauses, f"{where}: {accepted} offers are accepted into {capacity} free slots")
    expect(answers[-1] is outcome.FULL, clauses, f"{where}: {answers[-1]} on a full intake")
