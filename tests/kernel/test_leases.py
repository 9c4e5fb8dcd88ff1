"""What a lease promises: its slot, once, whatever becomes of it (LEASE-1)."""

import gc
import threading
import weakref
from typing import Any

import pytest

from tidegate import Closed, Empty, Intake, Lease, Outcome


def filled(capacity: int, *items: Any) -> Intake[Any]:
    intake: Intake[Any] = Intake(capacity)
    for item in items:
        assert intake.offer(item) is Outcome.ACCEPTED
    return intake


def test_the_slot_is_kept_until_the_release() -> None:
    intake = filled(1, "a")
    lease = intake.take(timeout=0)
    assert intake.offer("b") is Outcome.FULL
    assert lease.item == "a"
    assert lease.item == "a"
    assert intake.offer("b") is Outcome.FULL
    assert lease.release() is True
    assert intake.offer("b") is Outcome.ACCEPTED


def test_release_is_idempotent() -> None:
    intake = filled(1, "a")
    lease = intake.take(timeout=0)
    assert [lease.release() for _ in range(3)] == [True, False, False]
    intake.offer("b")
    later = intake.take(timeout=0)
    assert lease.release() is False
    assert intake.statistics().in_flight == 1
    assert later.item == "b"
    assert later.release() is True


def test_release_from_two_threads_frees_one_slot() -> None:
    for _ in range(200):
        intake = filled(1, "a")
        lease = intake.take(timeout=0)
        barrier = threading.Barrier(2)
        answers: list[bool] = []

        def release(lease: Lease[Any] = lease, barrier: threading.Barrier = barrier, answers: list[bool] = answers) -> None:
            barrier.wait()
            answers.append(lease.release())

        threads = [threading.Thread(target=release) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert sorted(answers) == [False, True]
        assert [intake.offer(number) for number in range(2)] == [Outcome.ACCEPTED, Outcome.FULL]


def test_the_item_is_gone_with_the_release() -> None:
    intake = filled(1, "a")
    lease = intake.take(timeout=0)
    lease.release()
    intake.offer("somebody else's")
    with pytest.raises(ValueError, match="released"):
        _ = lease.item
    assert intake.statistics().queued == 1


def test_with_gives_the_item_and_releases() -> None:
    intake = filled(1, "a")
    with intake.take(timeout=0) as item:
        assert item == "a"
        assert intake.statistics().in_flight == 1
    assert intake.statistics().released == 1


@pytest.mark.parametrize("error", [RuntimeError, Empty, Closed, KeyboardInterrupt, GeneratorExit, StopIteration])
def test_with_releases_when_the_worker_raises(error: type[BaseException]) -> None:
    intake = filled(2, "a", "b")
    with pytest.raises(error), intake.take(timeout=0):
        raise error
    statistics = intake.statistics()
    assert (statistics.released, statistics.abandoned, statistics.in_flight, statistics.queued) == (1, 0, 0, 1)


def test_a_release_inside_with_is_the_release() -> None:
    intake = filled(1, "a")
    lease = intake.take(timeout=0)
    with lease:
        assert lease.release() is True
        intake.offer("b")
    assert intake.statistics().released == 1
    assert intake.statistics().queued == 1


def test_dropped_unseen_it_puts_the_item_back() -> None:
    intake = filled(2, "a", "b")
    lease = intake.take(timeout=0)
    del lease
    assert intake.statistics().queued == 2
    assert intake.statistics().abandoned == 0
    items: set[Any] = set()
    for _ in range(2):
        with intake.take(timeout=0) as item:
            items.add(item)
    assert items == {"a", "b"}


def test_dropped_after_a_look_it_is_abandoned() -> None:
    intake = filled(1, "a")
    assert intake.take(timeout=0).item == "a"
    statistics = intake.statistics()
    assert (statistics.free, statistics.abandoned, statistics.released, statistics.accepted) == (1, 1, 0, 1)
    assert intake.offer("b") is Outcome.ACCEPTED


def test_an_item_put_back_wakes_a_taker() -> None:
    intake = filled(1, "a")
    box = [intake.take(timeout=0)]
    got: list[Any] = []

    def work() -> None:
        with intake.take(timeout=10) as item:
            got.append(item)

    thread = threading.Thread(target=work)
    thread.start()
    box.clear()
    thread.join(10)
    assert got == ["a"]


def _knot(lease: Any) -> None:
    knot: list[Any] = [lease]
    knot.append(knot)


@pytest.mark.parametrize("capacity", [1, 2, 5])
@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_leases_in_cycles_give_their_slots_back_once(capacity: int, seen: bool) -> None:
    intake = filled(capacity, *range(capacity))
    for _ in range(capacity):
        lease = intake.take(timeout=0)
        if seen:
            _ = lease.item
        _knot(lease)
        del lease
    for _ in range(3):
        gc.collect()
        statistics = intake.statistics()
        assert statistics.in_flight == 0
        assert (statistics.free, statistics.abandoned) == ((capacity, capacity) if seen else (0, 0))
    while intake.statistics().queued:
        intake.take(timeout=0).release()
    answers = [intake.offer(number) for number in range(capacity + 1)]
    assert answers == [Outcome.ACCEPTED] * capacity + [Outcome.FULL]


@pytest.mark.parametrize("capacity", [1, 2])
@pytest.mark.parametrize("together", [True, False], ids=["in one cycle", "in two"])
def test_leases_that_die_with_their_intake_are_no_trouble(capacity: int, together: bool) -> None:
    intake = filled(capacity, *range(capacity))
    watched = weakref.ref(intake)
    knot: list[Any] = [intake.take(timeout=0) for _ in range(capacity)]
    knot.append(knot)
    if together:
        knot.append(intake)
    del intake, knot
    gc.collect()
    assert watched() is None


class Worker:
    """Hold a lease in a cycle, and use it when collected."""

    lease: Any = None

    def __init__(self, how: str, seen: bool) -> None:
        self.me, self.how, self.seen = self, how, seen
        self.answers: list[Any] = []

    def __del__(self) -> None:
        if self.how == "release":
            self.answers.append(self.lease.release())
        elif self.how == "look":
            try:
                self.answers.append(self.lease.item)
            except ValueError:
                self.answers.append("gone")
        else:
            REVIVED.append(self.lease)


REVIVED: list[Any] = []


@pytest.mark.parametrize("capacity", [1, 2, 3])
@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
@pytest.mark.parametrize("older", ["worker first", "intake first"])
@pytest.mark.parametrize("how", ["release", "look", "revive"])
def test_a_finaliser_may_use_a_lease_that_dies_with_it(how: str, older: str, seen: bool, capacity: int) -> None:
    worker = Worker(how, seen) if older == "worker first" else None
    intake = filled(capacity, "a")
    worker = worker or Worker(how, seen)
    worker.lease = intake.take(timeout=0)
    if seen:
        assert worker.lease.item == "a"
    answers = worker.answers
    del worker
    gc.collect()
    assert how != "look" or answers in (["a"], ["gone"])
    for lease in REVIVED:
        lease.release()
    REVIVED.clear()
    while intake.statistics().queued:
        with intake.take(timeout=0) as item:
            assert item == "a"
    assert intake.statistics().free == capacity
    for _ in range(2):
        outcomes = [intake.offer(number) for number in range(capacity + 1)]
        assert outcomes == [Outcome.ACCEPTED] * capacity + [Outcome.FULL]
        for number in range(capacity):
            with intake.take(timeout=0) as item:
                assert item == number
        gc.collect()
    assert intake.drain(timeout=0) == 0


def test_a_released_lease_keeps_nothing_alive() -> None:
    class Item:
        pass

    gc.disable()
    try:
        item = Item()
        watched = weakref.ref(item)
        intake = filled(1, item)
        lease = intake.take(timeout=0)
        assert lease.item is item
        lease.release()
        del item
        assert watched() is None
    finally:
        gc.enable()
    assert lease.release() is False


def test_a_lease_may_outlive_its_intake() -> None:
    intake = filled(1, "a")
    lease = intake.take(timeout=0)
    del intake
    assert lease.item == "a"
    assert lease.release() is True
    assert lease.release() is False
