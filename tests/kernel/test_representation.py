"""What shows only from inside, or only in numbers that no test reaches by use: bells, clocks, counts, bounds."""

import gc
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

import tidegate
from tidegate import Closed, Empty, Intake, Outcome, _intake, _slots
from tidegate._slots import FreeList
from tidegate_specs.stand_ins import TimeIsOver


def test_the_version_is_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", tidegate.__version__)


def test_a_capacity_that_just_fits_into_memory_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_intake, "MOST", 200)
    assert Intake[Any](200).capacity == 200
    with pytest.raises(ValueError, match="at most 200 for this machine's memory, not 201"):
        Intake[Any](201)


def test_the_machines_memory_is_its_pages() -> None:
    assert os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 200 == _intake.MOST


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


def test_what_a_slot_and_a_lease_consist_of_has_no_dictionary() -> None:
    intake: Intake[Any] = Intake(1)
    token = intake._slots.free[0]
    intake.offer("item")
    for each in (token, token.slot, intake.take(timeout=0), intake):
        assert not hasattr(each, "__dict__"), each


def test_a_drain_that_is_interrupted_with_the_bell_in_hand_passes_it_on() -> None:
    intake: Intake[Any] = Intake(1)
    intake.offer("item")
    slots: Any = intake._slots
    hear = slots.await_home

    def wait(block: bool, timeout: float) -> None:
        hear(block, timeout)
        raise KeyboardInterrupt

    slots.await_home = wait
    with pytest.raises(KeyboardInterrupt):
        intake.drain(timeout=1)
    assert not slots.bell.empty(), "another drain that waits would wait on"


def test_a_look_that_is_interrupted_while_it_rings_rings_again() -> None:
    intake: Intake[Any] = Intake(1)
    intake.offer("item")
    lease = intake.take(timeout=0)
    intake.close()
    slots: Any = intake._slots
    ring, rung = slots.ring, list[bool]()
    assert slots.queue.get(timeout=0) is None  # the bell of `close`

    def ring_late() -> None:
        rung.append(True)
        if len(rung) == 1:
            raise KeyboardInterrupt
        ring()

    slots.ring = ring_late
    with pytest.raises(KeyboardInterrupt):
        _ = lease.item
    assert not slots.queue.empty(), "a taker would not hear that the item can't come back"


def test_an_offer_that_sees_that_it_is_refused_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    intake: Intake[Any] = Intake(2)
    intake.offer("first")
    intake.offer("second")

    def claim(_: FreeList) -> None:
        pytest.fail("a slot at home leaves it again, and who counts them miscounts")

    monkeypatch.setattr(FreeList, "newest", property(claim))
    assert intake.offer("third") is Outcome.FULL
    intake.take(timeout=0).release()
    intake.close()
    assert intake.offer("fourth") is Outcome.CLOSED


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


Turn = int | list[Any]
FLYING: Turn = [0, False]  # the mark of a slot in flight


def test_a_count_has_room_for_more_than_can_be_reached() -> None:
    intake: Intake[Any] = Intake(2)
    most = 1 << 126
    intake._slots.turns[:] = [most + (3 << 128), most]
    statistics = intake.statistics()
    assert (statistics.accepted, statistics.released, statistics.abandoned) == (2 * most, 2 * most - 3, 3)
    assert (statistics.free, statistics.queued, statistics.in_flight, statistics.peak) == (2, 0, 0, 2)


@pytest.mark.parametrize(
    ("read", "free", "queued", "in_flight", "released"),
    [
        ((FLYING, True, FLYING), 0, 0, 1, 0),
        ((FLYING, False, FLYING), 0, 0, 1, 0),  # its release is under way
        ((0, True, 0), 0, 1, 0, 0),
        ((0, False, 0), 1, 0, 0, 0),
        ((0, True, FLYING), 0, 0, 1, 0),  # taken meanwhile
        ((0, False, FLYING), 0, 0, 1, 0),
        ((FLYING, True, [1, True]), 0, 0, 1, 1),  # the same, after a release
        ((0, True, 1), 1, 0, 0, 1),  # taken and released: it was free then, whatever it is now
        ((FLYING, True, 1), 1, 0, 0, 1),
        ((FLYING, False, 1), 1, 0, 0, 1),
        (([0], True, 1), 1, 0, 0, 1),
        ((FLYING, True, 0), 0, 1, 0, 0),  # put back: it was queued then, and never free
        ((FLYING, False, 0), 0, 1, 0, 0),
        (([1, False], True, 1), 0, 1, 0, 1),
        (([1], True, 1), 0, 1, 0, 1),  # its mark was ended since
    ],
)
def test_a_slot_that_moves_while_it_is_read_is_told_as_it_was_at_some_instant(
    monkeypatch: pytest.MonkeyPatch,
    read: tuple[Turn, bool, Turn],
    free: int,
    queued: int,
    in_flight: int,
    released: int,
) -> None:
    def chain(*_: object) -> Iterator[object]:
        return iter(read)

    monkeypatch.setattr(_slots, "chain", chain)
    found = Intake[Any](1).statistics()
    assert (found.free, found.queued, found.in_flight, found.released) == (free, queued, in_flight, released)
    assert found.accepted == queued + in_flight + released
    assert found.peak == int(read != (0, False, 0))


def test_a_release_after_a_collection_is_a_plain_one() -> None:
    intake: Intake[Any] = Intake(1)
    gc.collect()
    intake.offer("item")
    intake.take(timeout=0).release()
    assert not intake._slots.generations  # of the slots that had to be recovered


class Bells:
    """Stand for a wait and for the clock: each wait notes its time-out, takes its time and hears a bell; the last hears nothing."""

    def __init__(self, *until_s: float) -> None:
        self.until_s = [*until_s]
        self.now_s = 1_000.0
        self.timeouts_s: list[float | None] = []

    def __call__(self, block: bool = True, timeout: float | None = None) -> None:
        assert block
        self.timeouts_s.append(timeout)
        if not self.until_s:
            self.now_s = 1_100.0
            raise TimeIsOver
        self.now_s = self.until_s.pop(0)


@pytest.mark.parametrize(
    ("until_s", "timeouts_s"),
    [
        ((1_040.0, 1_099.0, 1_130.0), [100.0, 60.0, 1.0, 0.0]),
        ((1_060.0, 1_020.0), [100.0, 40.0, 40.0]),  # a clock that steps back prolongs no wait
    ],
)
def test_a_wait_that_hears_bells_goes_on_for_what_is_left_of_its_time(
    monkeypatch: pytest.MonkeyPatch, until_s: tuple[float, ...], timeouts_s: list[float]
) -> None:
    intake: Intake[Any] = Intake(1)
    slots: Any = intake._slots
    slots.await_slot = take = Bells(*until_s)
    monkeypatch.setattr(_intake, "monotonic", lambda: take.now_s)
    with pytest.raises(Empty):
        intake.take(timeout=100)
    assert take.timeouts_s == timeouts_s
    assert intake.offer("item") is Outcome.ACCEPTED
    slots.await_home = drain = Bells(*until_s)
    monkeypatch.setattr(_intake, "monotonic", lambda: drain.now_s)
    assert intake.drain(timeout=100) == 1
    assert drain.timeouts_s == timeouts_s


def test_a_drain_counts_when_its_time_is_over_not_when_it_began_to_wait() -> None:
    intake: Intake[Any] = Intake(3)
    intake.offer("item")
    intake.offer("kept")
    lease = intake.take(timeout=0)
    slots: Any = intake._slots

    def wait(block: bool, timeout: float) -> None:
        lease.release()  # just as the time is over
        raise TimeIsOver

    slots.await_home = wait
    assert intake.drain(timeout=0) == 1
