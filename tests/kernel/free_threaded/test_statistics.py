"""What `statistics` tells while others are at work: the ledger stays within its bounds (LEDGER-1), with a GIL and without."""

import sys
import threading
from contextlib import suppress

import pytest

from tidegate import Empty, Intake, Outcome, Statistics
from tidegate_specs.builds import FREE_THREADED, cores, gil_is_on, made_by_none

WORKERS = max(2, cores())
OPERATIONS = 3_000 if FREE_THREADED else 1_000  # of each worker


class Books:
    """Count the offers of each worker, begun and accepted, and what it did with its leases. Each list entry has one writer."""

    def __init__(self) -> None:
        self.begun = [0] * WORKERS
        self.accepted = [0] * WORKERS
        self.released = [0] * WORKERS
        self.abandoned = [0] * WORKERS


def work(intake: Intake[int], books: Books, me: int, together: threading.Barrier) -> None:
    together.wait()
    for number in range(OPERATIONS):
        books.begun[me] += 1
        books.accepted[me] += intake.offer(number) is Outcome.ACCEPTED
        with suppress(Empty):
            lease = intake.take(timeout=0)
            if number % 4 == me % 4:
                del lease  # nobody looked: the item is put back
            elif number % 4 == (me + 1) % 4:
                _ = lease.item
                del lease
                books.abandoned[me] += 1
            else:
                lease.release()
                books.released[me] += 1


def adds_up(found: Statistics) -> bool:
    unfinished = found.queued + found.in_flight
    return (
        min(found.free, found.queued, found.in_flight, found.released, found.abandoned, found.full, found.closed) >= 0
        and found.free + unfinished == found.capacity
        and found.accepted == unfinished + found.released + found.abandoned
        and unfinished <= found.peak <= found.capacity
    )


def counts(found: Statistics) -> tuple[int, ...]:
    return found.accepted, found.full, found.closed, found.released, found.abandoned, found.peak


@pytest.mark.parametrize("capacity", [1, 2, 64])
def test_the_ledger_stays_within_its_bounds(capacity: int) -> None:
    intake: Intake[int] = made_by_none(lambda: Intake[int](capacity))  # so that a lease dies in the worker that drops it
    books = Books()
    together = threading.Barrier(WORKERS + 1)
    workers = [threading.Thread(target=work, args=(intake, books, me, together)) for me in range(WORKERS)]
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for worker in workers:
            worker.start()
        together.wait()
        before = intake.statistics()
        while any(worker.is_alive() for worker in workers):
            least = sum(books.accepted)
            found = intake.statistics()
            most = sum(books.begun)
            assert adds_up(found), found
            assert least <= found.accepted <= most, (least, found, most)
            assert all(now >= then for now, then in zip(counts(found), counts(before), strict=True)), (before, found)
            before = found
    finally:
        sys.setswitchinterval(interval_s)
        for worker in workers:
            worker.join()
    while intake.statistics().queued:
        intake.take(timeout=0).release()
        books.released[0] += 1
    found = intake.statistics()
    assert (found.free, found.accepted) == (capacity, sum(books.accepted))
    assert (found.released, found.abandoned) == (sum(books.released), sum(books.abandoned))
    assert found.accepted + found.full == sum(books.begun) == WORKERS * OPERATIONS
    assert gil_is_on() is not FREE_THREADED
