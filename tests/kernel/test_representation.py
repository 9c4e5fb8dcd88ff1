"""What shows only from inside, or only in numbers that no test reaches by use: bells, clocks, counts, bounds."""

import gc
import queue
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import headgate
from headgate import Closed, Empty, Intake, Outcome, _intake


def test_the_version_is_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", headgate.__version__)


def test_a_capacity_that_just_fits_into_memory_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_intake, "_memory_bytes", lambda: 2_000)  # 200 bytes for each slot
    assert Intake[Any](10).capacity == 10
    with pytest.raises(ValueError, match="capacity 11 needs more memory"):
        Intake[Any](11)


@pytest.mark.parametrize("closed", [False, True])
def test_every_24th_rejection_gives_the_processor_to_others(monkeypatch: pytest.MonkeyPatch, closed: bool) -> None:
    intake: Intake[Any] = Intake(1)
    intake.offer("held")
    if closed:
        intake.close()
    yields: list[int] = []
    rejected = 0
    monkeypatch.setattr(_intake, "yield_processor", lambda: yields.append(rejected))
    for rejected in range(100):  # noqa: B007 - the lambda reads it
        assert not intake.offer("more")
    assert yields == [0, 24, 48, 72, 96]


@pytest.mark.parametrize("capacity", [1, 256, 300])
def test_an_intake_of_any_size_is_exhausted_when_all_its_slots_are_settled(capacity: int) -> None:
    intake: Intake[Any] = Intake(capacity)
    for number in range(capacity):
        intake.offer(number)
    leases = [intake.take(timeout=0) for _ in range(capacity)]
    assert [lease.item for lease in leases] == list(range(capacity))
    intake.close()
    with pytest.raises(Closed):
        intake.take(timeout=0)


def test_a_count_has_room_for_more_than_can_be_reached() -> None:
    intake: Intake[Any] = Intake(2)
    most = (1 << 62) - 1  # in the bits of a turn between the one in flight and those abandoned
    intake._slots.turns[0] = (most << 2) + (3 << 64)
    statistics = intake.statistics()
    assert (statistics.accepted, statistics.released, statistics.abandoned) == (most, most - 3, 3)
    assert (statistics.free, statistics.queued, statistics.in_flight, statistics.peak) == (2, 0, 0, 1)


def test_a_release_after_a_collection_is_a_plain_one() -> None:
    intake: Intake[Any] = Intake(1)
    gc.collect()
    intake.offer("item")
    intake.take(timeout=0).release()
    assert not intake._slots.generations  # of the slots that had to be recovered


def clock(*times_s: float) -> Callable[[], float]:
    """Make a clock that tells these times, one after the other."""
    told: Iterator[float] = iter(times_s)
    return lambda: next(told)


class Bells:
    """Stand for a wait: hear a bell each time, note the time-out, and end with nothing at the last."""

    def __init__(self, bells: int) -> None:
        self.bells = bells
        self.timeouts_s: list[float | None] = []

    def __call__(self, block: bool = True, timeout: float | None = None) -> None:
        self.timeouts_s.append(timeout)
        assert block
        if len(self.timeouts_s) > self.bells:
            raise queue.Empty


TIMES_S = (1_000.0, 1_040.0, 1_099.0, 1_130.0)
LEFT_S = [100.0, 60.0, 1.0, 0.0]


def test_a_take_that_hears_bells_waits_for_what_is_left_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    intake: Intake[Any] = Intake(1)
    wait = Bells(3)
    intake._slots.await_slot = wait
    monkeypatch.setattr(_intake, "monotonic", clock(*TIMES_S))
    with pytest.raises(Empty):
        intake.take(timeout=100)
    assert wait.timeouts_s == LEFT_S


def test_a_drain_that_hears_bells_waits_for_what_is_left_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    intake: Intake[Any] = Intake(1)
    assert intake.offer("item") is Outcome.ACCEPTED
    wait: Any = Bells(3)
    intake._slots.await_home = wait
    monkeypatch.setattr(_intake, "monotonic", clock(*TIMES_S))
    assert intake.drain(timeout=100) == 1
    assert wait.timeouts_s == LEFT_S


def test_a_clock_that_steps_back_prolongs_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    intake: Intake[Any] = Intake(1)
    wait = Bells(2)
    intake._slots.await_slot = wait
    monkeypatch.setattr(_intake, "monotonic", clock(1_000.0, 1_060.0, 1_020.0))
    with pytest.raises(Empty):
        intake.take(timeout=100)
    assert wait.timeouts_s == [100.0, 40.0, 40.0]
