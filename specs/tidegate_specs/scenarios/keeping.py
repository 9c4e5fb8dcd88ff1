"""Scenarios 28 to 30: what a rejection leaves behind, and what an intake keeps a reference to."""

import gc
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from itertools import repeat
from typing import Any

from .counts import as_new
from .ears import Ears
from .jobs import expect
from .run import Inconclusive, Run, rounds, scenario

_FEW_OFFERS = 100
_FEW_BLOCKS = 100  # what the interpreter itself may keep for the loop around a measurement


def _blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


@scenario(
    28,
    "MEMORY-1 BOUND-2",
    "the list of waiters grew with every wait in cpython #75801",
    "Given 10^6 timed-out takes, some of which really wait, memory is flat and the intake as good as new.",
    "The resident set: the overload laboratory measures it. The quick profile makes 50,000 takes.",
    needs="offer refuses take wait",
)
def timed_out_takes(run: Run) -> str:
    intake, empty = run.intake(4), run.subject.Empty

    def wait(timeout_s: float) -> None:
        with suppress(empty):
            intake.take(timeout=timeout_s)
            expect(False, "LOCAL-1", "a take from an empty intake gave a lease")

    left = made = 0
    for _ in range(3):  # what a first wait sets up for good is no leak
        before = _blocks()
        for number in rounds(run, 50_000, 1_000_000):
            wait(0 if number % 500 else 0.0001)
            made = number + 1
        left = _blocks() - before
        if left < _FEW_BLOCKS:
            break
    expect(left < _FEW_BLOCKS, "MEMORY-1", f"{made:,} timed-out takes left {left:,} blocks")
    as_new(run, intake, f"after {made:,} timed-out takes")
    return f"{made:,} timed-out takes, {max(left, 0)} blocks left"


class _Item:
    """Something a weak reference can watch."""


@scenario(
    29,
    "MEMORY-1 NORETRY-1 STABLE-1 LEASE-1",
    "a slot kept its last item alive, as the Disruptor's user guide warns",
    "Given a weak reference to an item that was released, abandoned, put back and then taken, or rejected: it dies at once, "
    "without "
    "the collector. So do the items of an intake that dies, and the intake.",
    "Items kept by a traceback or by the caller.",
    needs="offer refuses take",
)
def kept_references(run: Run) -> str:
    gc.disable()
    try:
        fates = {name: _watch(run, fate) for name, fate in _fates(run).items()}
    finally:
        gc.enable()
    kept = [name for name, died in fates.items() if not died]
    broken = "MEMORY-1 NORETRY-1" if set(kept) <= {"full", "closed"} else "MEMORY-1 NORETRY-1 STABLE-1 LEASE-1"
    expect(not kept, broken, f"still alive: {', '.join(kept)}")
    return f"{len(fates)} fates of an item, each died at once"


def _watch(run: Run, fate: Callable[[Any], Any]) -> bool:
    item = _Item()
    watched = weakref.ref(item)
    kept = fate(item)
    del item
    died = watched() is None
    del kept  # the intake had to outlive the item
    run.alive()
    return died


def _fates(run: Run) -> dict[str, Callable[[Any], Any]]:
    def offered(capacity: int, item: Any) -> Any:
        intake = run.intake(capacity)
        intake.offer(item)
        return intake

    def released(item: Any) -> Any:
        intake = offered(2, item)
        lease = intake.take(timeout=0)
        _ = lease.item
        lease.release()
        return intake, lease

    def in_with(item: Any) -> Any:
        intake = offered(2, item)
        with intake.take(timeout=0):
            pass
        return intake

    def abandoned(item: Any) -> Any:
        intake = offered(1, item)
        _ = intake.take(timeout=0).item
        return intake

    def put_back(item: Any) -> Any:
        intake = offered(1, item)
        intake.take(timeout=0)
        intake.take(timeout=0).release()
        return intake

    def full(item: Any) -> Any:
        intake = offered(1, "other")
        answers = {intake.offer(item) for _ in range(20)}
        expect(run.subject.Outcome.ACCEPTED not in answers, "BOUND-1", "a full intake accepted an item")
        return intake

    def closed(item: Any) -> Any:
        intake = run.intake(1)
        intake.close()
        answers = {intake.offer(item) for _ in range(20)}
        expect(run.subject.Outcome.ACCEPTED not in answers, "CLOSE-1", "a closed intake accepted an item")
        return intake

    def queued_in_dead(item: Any) -> None:
        offered(2, item)

    def in_flight_in_dead(item: Any) -> None:
        offered(2, item).take(timeout=0)

    def dead(item: Any) -> None:
        intake = offered(2, item)
        item.intake = weakref.ref(intake)
        intake.close()
        del intake
        expect(item.intake() is None, "STABLE-1", "an intake outlived its last reference")

    named = [released, in_with, full]
    named += [abandoned, put_back, queued_in_dead, in_flight_in_dead] if run.can("drop") else []
    named += [closed, dead] if run.can("close") else []
    return {fate.__name__.replace("_", " "): fate for fate in named}


@scenario(
    30,
    "MEMORY-1 QUIET-1 NORETRY-1",
    "exceptions that carried a leak in cpython #106558",
    "Given 10^6 rejections, no object is left behind, no collection is started, and nothing is written, logged or warned.",
    "Allocations outside the interpreter's own allocator; what is sent on a socket that was connected before.",
    needs="offer refuses",
)
def leaking_rejections(run: Run) -> str:
    total = 1_000_000
    left = collections = 0
    late = ""
    for closed in (False, True) if run.can("close") else (False,):
        answer = "CLOSED" if closed else "FULL"
        loud = _said(run, _refusing(run, closed=closed), _FEW_OFFERS)
        if loud and not _said(run, _refusing(run, closed=closed), _FEW_OFFERS):
            raise Inconclusive(f"once, and not again with another intake, {_FEW_OFFERS} offers answered {answer}: {loud}")
        chunk = _FEW_OFFERS if loud else total // 20  # what speaks each time takes its time
        intake = _refusing(run, closed=closed)
        for _ in range(3):  # another thread of the process may allocate at the wrong moment
            with Ears() as ears:
                left, collections = _reject(run, intake, chunk)
                late = ears.heard()
            if left < _FEW_BLOCKS and not collections and (loud or not late):
                break
        if loud or late:
            run.fault("QUIET-1", f"offers answered {answer} are not quiet: {loud or late}")
        told = f"{10 * chunk:,} offers answered {answer}"
        expect(left < _FEW_BLOCKS, "MEMORY-1", f"{told} left {left:,} blocks")
        expect(collections == 0, "MEMORY-1", f"{told} started {collections} collections")
    return f"{total:,} rejections, {max(left, 0)} blocks left, {collections} collections, nothing said"


def _refusing(run: Run, *, closed: bool) -> Any:
    intake = run.intake(1)
    intake.offer("held")
    if closed:
        intake.close()
    return intake


def _said(run: Run, intake: Any, offers: int) -> str:
    """Tell what is said while so many offers are refused, from the first on."""
    with Ears() as ears:
        answers = [bool(intake.offer("more")) for _ in range(offers)]
        heard = ears.heard()
    expect(not any(answers[3:]), "BOUND-1", "those that must be refused are accepted")  # one that holds too many refuses at last
    run.alive()
    return heard


def _reject(run: Run, intake: Any, chunk: int) -> tuple[int, int]:
    offer, item = intake.offer, object()
    before = _blocks()
    collections_before = [generation["collections"] for generation in gc.get_stats()]
    for _ in range(10):
        for _ in repeat(None, chunk):
            offer(item)
        run.alive()
    collections_after = [generation["collections"] for generation in gc.get_stats()]
    return _blocks() - before, sum(collections_after) - sum(collections_before)
