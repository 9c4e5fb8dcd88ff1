"""Taking in order, closing, draining (LOCAL-1, CLOSE-1, CLOSE-2, LEDGER-1)."""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate import Closed, Empty, Intake, Outcome


def run_all(*works: Callable[[], Any]) -> list[Any]:
    """Run functions in threads of their own; a thread that does not end within 10 s is a failure."""
    ends: list[Any] = [None] * len(works)

    def run(number: int, work: Callable[[], Any]) -> None:
        try:
            ends[number] = work()
        except Exception as error:  # noqa: BLE001 - handed to the test
            ends[number] = error

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    return ends


def filled(capacity: int, *items: Any) -> Intake[Any]:
    intake: Intake[Any] = Intake(capacity)
    for item in items:
        assert intake.offer(item) is Outcome.ACCEPTED
    return intake


@pytest.mark.parametrize("capacity", [1, 2, 3, 64, 1000])
def test_exactly_the_capacity_is_accepted(capacity: int) -> None:
    intake: Intake[int] = Intake(capacity)
    for _ in range(2):
        answers = [intake.offer(number) for number in range(capacity + 2)]
        assert answers == [Outcome.ACCEPTED] * capacity + [Outcome.FULL] * 2
        for number in range(capacity):
            with intake.take(timeout=0) as item:
                assert item == number


def test_a_take_in_time_gets_what_comes() -> None:
    intake: Intake[str] = Intake(1)
    timer = threading.Timer(0.01, intake.offer, ["late"])
    timer.start()
    with intake.take(timeout=10) as item:
        assert item == "late"
    timer.join()


@pytest.mark.parametrize("timeout", [0, 0.0, 0.02])
def test_a_take_of_nothing_is_empty_when_its_time_is_over(timeout: float) -> None:
    intake: Intake[str] = Intake(1)
    begun_s = time.monotonic()
    with pytest.raises(Empty):
        intake.take(timeout=timeout)
    assert time.monotonic() - begun_s >= timeout
    assert intake.offer("a") is Outcome.ACCEPTED


def test_close_is_final_idempotent_and_works_when_full() -> None:
    intake = filled(2, "a", "b")
    lease = intake.take(timeout=0)
    intake.close()
    intake.close()
    assert [intake.offer("late") for _ in range(3)] == [Outcome.CLOSED] * 3
    assert intake.take(timeout=0).item == "b"
    assert lease.item == "a"
    assert lease.release()
    assert intake.offer("late") is Outcome.CLOSED
    with pytest.raises(Closed):
        intake.take()
    with pytest.raises(Closed):
        intake.take(timeout=0)


def test_take_says_closed_only_when_nothing_can_come() -> None:
    intake = filled(2, "a")
    lease = intake.take(timeout=0)
    intake.close()
    with pytest.raises(Empty):
        intake.take(timeout=0)  # the item may still be put back
    _ = lease.item
    with pytest.raises(Closed):
        intake.take(timeout=0)


def test_close_wakes_every_taker() -> None:
    intake: Intake[str] = Intake(1)
    closer = threading.Timer(0.02, intake.close)
    closer.start()
    ends = run_all(*[intake.take] * 4, *[lambda: intake.take(timeout=60)] * 4, *[lambda: list(intake)] * 4)
    assert all(isinstance(end, Closed) for end in ends[:8])
    assert ends[8:] == [[]] * 4
    closer.join()


def test_iteration_ends_when_closed_and_empty() -> None:
    intake = filled(3, 1, 2, 3)
    intake.close()
    seen: list[Any] = []
    for lease in intake:
        with lease as item:
            seen.append(item)
    assert seen == [1, 2, 3]
    assert list(intake) == []


def test_breaking_out_of_a_loop_loses_nothing() -> None:
    intake = filled(3, 1, 2, 3)

    def first() -> Any:
        for lease in intake:
            with lease as item:
                return item
        return None

    assert first() == 1
    assert intake.statistics().queued == 2
    assert intake.take(timeout=0).item == 2


def test_a_workers_closed_is_not_the_end_of_a_loop() -> None:
    intake = filled(1, 1)

    def work() -> None:
        for lease in intake:
            with lease:
                raise Closed("the worker's")

    with pytest.raises(Closed, match="the worker's"):
        work()
    assert intake.statistics().released == 1


@pytest.mark.parametrize(("queued", "in_flight"), [(0, 0), (1, 0), (0, 1), (2, 2), (0, 3)])
@pytest.mark.parametrize("timeout", [0, 0.02])
def test_a_drain_ends_at_its_deadline_with_the_exact_count(queued: int, in_flight: int, timeout: float) -> None:
    intake = filled(5, *range(queued + in_flight))
    leases = [intake.take(timeout=0) for _ in range(in_flight)]
    begun_s = time.monotonic()
    left = intake.drain(timeout=timeout)
    took_s = time.monotonic() - begun_s
    assert left == queued + in_flight
    assert took_s >= timeout or left == 0
    assert intake.offer("late") is Outcome.CLOSED
    assert [lease.release() for lease in leases] == [True] * in_flight
    for lease in intake:
        lease.release()
    assert intake.drain() == 0


def test_a_drain_ends_with_the_last_item() -> None:
    intake = filled(2, 1, 2)
    leases = [intake.take(timeout=0) for _ in range(2)]

    def finish() -> None:
        for lease in leases:
            time.sleep(0.01)
            lease.release()

    assert run_all(intake.drain, lambda: intake.drain(timeout=60), intake.drain, finish) == [0, 0, 0, None]


def test_a_dropped_lease_ends_a_drain() -> None:
    """At once, as here one thread makes the intake and drops the lease.

    On a free-threaded build a lease that another thread drops ends it when the maker next runs: `free_threaded` shows that.
    """
    made: SimpleQueue[Intake[Any]] = SimpleQueue()

    def make_and_drop() -> None:
        intake = filled(1, "a")
        box = [intake.take(timeout=0)]
        assert box[0].item == "a"
        made.put(intake)
        time.sleep(0.01)
        box.clear()

    assert run_all(lambda: made.get().drain(), make_and_drop) == [0, None]


def test_taking_goes_on_during_a_drain() -> None:
    intake = filled(64, *range(64))

    def work() -> int:
        return sum(lease.release() for lease in intake)

    ends = run_all(lambda: intake.drain(timeout=10), work, work)
    assert ends[0] == 0
    assert ends[1] + ends[2] == 64


def test_everything_accepted_is_taken_once_and_in_order() -> None:
    intake: Intake[tuple[int, int]] = Intake(7)
    accepted: list[list[int]] = [[], [], []]
    seen: list[tuple[int, int]] = []

    def produce(number: int) -> Callable[[], None]:
        def work() -> None:
            accepted[number].extend(serial for serial in range(3000) if intake.offer((number, serial)))

        return work

    def consume() -> None:
        for lease in intake:
            with lease as item:
                seen.append(item)

    consumer = threading.Thread(target=consume)
    consumer.start()
    run_all(*(produce(number) for number in range(3)))
    intake.close()
    consumer.join(10)
    assert not consumer.is_alive()
    for number in range(3):
        assert [serial for producer, serial in seen if producer == number] == accepted[number]
    statistics = intake.statistics()
    assert statistics.accepted == statistics.released == len(seen)
    assert statistics.accepted + statistics.full + statistics.closed == 9000


@settings(deadline=None)
@given(st.integers(1, 4), st.lists(st.sampled_from(["offer", "take", "look", "release", "drop", "close"]), max_size=60))
def test_statistics_equal_a_recount(capacity: int, script: list[str]) -> None:
    intake: Intake[int] = Intake(capacity)
    leases: list[tuple[Any, bool]] = []
    queued = accepted = full = closed = released = abandoned = peak = 0
    for step in script:
        if step == "offer":
            answer = intake.offer(accepted)
            full, closed = full + (answer is Outcome.FULL), closed + (answer is Outcome.CLOSED)
            accepted, queued = accepted + bool(answer), queued + bool(answer)
            peak = max(peak, queued + len(leases))
        elif step == "take" and queued:
            leases.append((intake.take(timeout=0), False))
            queued -= 1
        elif step == "close":
            intake.close()
        elif leases and step == "look":
            lease, _ = leases.pop()
            assert lease.item < accepted
            leases.append((lease, True))
            del lease
        elif leases and step == "release":
            released += leases.pop()[0].release()
        elif leases and step == "drop":
            abandoned, queued = (abandoned + 1, queued) if leases.pop()[1] else (abandoned, queued + 1)
        read = intake.statistics()
        assert (read.queued, read.in_flight, read.free) == (queued, len(leases), capacity - queued - len(leases))
        assert (read.accepted, read.full, read.closed) == (accepted, full, closed)
        assert (read.released, read.abandoned, read.peak, read.capacity) == (released, abandoned, peak, capacity)
