"""The refinement sees what an intake does, names the clause that is broken, and tells how to get there."""

import gc
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

import tidegate
from tidegate_specs import machine
from tidegate_specs.check import Subject
from tidegate_specs.refinement import Pair, Shape, build
from tidegate_specs.refinement.driver import MISUSES, Call, Driver
from tidegate_specs.refinement.following import Joint, SpecificationFault, follow, move
from tidegate_specs.refinement.observed import HOSTILE_METHODS, Divergence, Item, observe, view


def subject_with(intake: Callable[[int], Any]) -> Subject:
    """Give the kernel with another class for its intake."""
    made = types.SimpleNamespace(Intake=intake, Outcome=tidegate.Outcome, Empty=tidegate.Empty, Closed=tidegate.Closed)
    return cast(Subject, made)


class Wrapper:
    """Pass every call on to a real intake: the base of planted faults."""

    def __init__(self, capacity: int) -> None:
        self.inner: tidegate.Intake[Any] = tidegate.Intake(capacity)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_a_view_hides_offers_in_progress() -> None:
    s = machine.admit(machine.claim(machine.claim(machine.initial(3))))
    assert (s.free, s.claimed, s.admitted) == (1, 1, 1)
    assert view(s).free == 3
    assert view(machine.publish(s)).free == 2
    assert view(machine.publish(s)).queued == 1


def test_a_new_intake_is_the_initial_state() -> None:
    assert observe(tidegate.Intake[int](4)) == view(machine.initial(4))


def test_every_call_has_an_answer() -> None:
    pair = Pair(tidegate, 2)
    assert [pair.do("offer") for _ in range(3)] == ["ACCEPTED", "ACCEPTED", "FULL"]
    assert [pair.do("take") for _ in range(3)] == ["a lease", "a lease", "Empty"]
    assert pair.do("look", 0) == 0
    assert pair.do("drop", 1) is None
    assert pair.state.queue == (1,)
    assert pair.do("iterate") == "a lease"
    assert pair.do("enter", 1) == 1
    assert pair.do("release", 0) is True
    assert pair.do("release_again") is False
    assert [pair.do(name) for name in MISUSES] == [2 if name == "show" else "refused" for name in MISUSES]
    assert pair.do("offer") == "ACCEPTED"
    assert pair.do("take_unlimited") == "a lease"
    assert pair.do("drain") == 1
    assert [pair.do("offer"), pair.do("take")] == ["CLOSED", "Empty"]
    assert pair.do("close") is None
    assert pair.do("release", 0) is True
    assert [pair.do("take"), pair.do("take_unlimited"), pair.do("iterate")] == ["Closed"] * 3
    assert [pair.do("drain"), pair.do("drain_unlimited")] == [0, 0]
    assert pair.state.ended
    assert pair.state.drained


@pytest.mark.parametrize("worn", [False, True])
def test_a_small_state_is_built(worn: bool) -> None:
    pair = build(tidegate, Shape(capacity=3, queued=1, unseen=1, seen=1, closed=True, worn=worn))
    pair.check()
    s = pair.state
    assert (s.free, len(s.queue), len(s.unseen), len(s.seen), s.closed) == (0, 1, 1, 1, True)
    assert s.released == (3 if worn else 0)


def test_an_item_refuses_and_records_everything() -> None:
    touched: list[str] = []
    item = Item(0, touched)
    for name in HOSTILE_METHODS:
        method: Callable[..., object] = getattr(type(item), name)
        with pytest.raises(TypeError):
            method(item)
    assert touched == HOSTILE_METHODS


def test_a_step_that_the_machine_forbids_is_the_specifications_fault() -> None:
    s = machine.initial(1)
    with pytest.raises(SpecificationFault):
        move(s, machine.can_publish, machine.publish)
    with pytest.raises(SpecificationFault):
        move(s, machine.can_claim, machine.refuse_full)


# Planted faults: each a small wrapper of the kernel, with a history that shows it and the clause that must be named.


class OneSlotMore(Wrapper):
    def __init__(self, capacity: int) -> None:
        super().__init__(capacity + 1)


class Refuses(Wrapper):
    def offer(self, item: Any) -> Any:
        return tidegate.Outcome.FULL


class Raises(Wrapper):
    def offer(self, item: Any) -> Any:
        if self.inner.offer(item):
            return tidegate.Outcome.ACCEPTED
        raise RuntimeError


class AnswersTrue(Wrapper):
    def offer(self, item: Any) -> Any:
        return self.inner.offer(item) is tidegate.Outcome.ACCEPTED


class Keeps(Wrapper):
    def offer(self, item: Any) -> Any:
        self.last = item
        return self.inner.offer(item)


class Looks(Wrapper):
    def offer(self, item: Any) -> Any:
        try:
            answer = self.inner.offer(item)
            assert item is not None
            assert item != 0
        except TypeError:
            return tidegate.Outcome.FULL
        return answer


class Reopens(Wrapper):
    def close(self) -> None:
        return None


class ClosesLoudly(Wrapper):
    def close(self) -> bool:
        self.inner.close()
        return True


class NeverEnds(Wrapper):
    def take(self, timeout: float | None = None) -> Any:
        try:
            return self.inner.take(timeout)
        except tidegate.Closed:
            raise tidegate.Empty from None


class EndsTooEarly(Wrapper):
    def take(self, timeout: float | None = None) -> Any:
        try:
            return self.inner.take(timeout)
        except tidegate.Empty:
            raise tidegate.Closed from None


class Miscounts(Wrapper):
    def drain(self, timeout: float | None = None) -> int:
        return self.inner.drain(timeout) + 1


class NoStatistics(Wrapper):
    def statistics(self) -> Any:
        raise RuntimeError


class WrongPeak(Wrapper):
    def statistics(self) -> Any:
        return replace(self.inner.statistics(), peak=0)


class FloatCounts(Wrapper):
    def statistics(self) -> Any:
        told: Any = self.inner.statistics()
        return replace(told, accepted=0.0)


class Copies(Wrapper):
    def __copy__(self) -> "Copies":
        return self

    def __deepcopy__(self, memo: object) -> "Copies":
        return self


class Grows(Wrapper):
    capacity = 1


FAULTS: list[tuple[Callable[[int], Any], str, str]] = [
    (OneSlotMore, "offer", "FIXED-1"),
    (Refuses, "offer", "EXACT-1"),
    (Raises, "offer offer", "EXPLICIT-1"),
    (AnswersTrue, "offer", "EXPLICIT-1"),
    (Keeps, "offer offer", "MEMORY-1"),
    (Looks, "offer", "HOSTILE-1"),
    (Reopens, "close offer", "CLOSE-1"),
    (ClosesLoudly, "close", "CLOSE-1"),
    (NeverEnds, "close take", "CLOSE-2"),
    (EndsTooEarly, "take", "CLOSE-2"),
    (Miscounts, "offer drain", "CLOSE-2"),
    (NoStatistics, "offer", "LEDGER-1"),
    (WrongPeak, "offer", "LEDGER-1"),
    (FloatCounts, "offer", "LEDGER-1"),
    (Copies, "copy", "BOUND-2"),
    (Grows, "resize", "FIXED-1"),
]


@pytest.mark.parametrize(("intake", "calls", "clause"), FAULTS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_planted_fault_is_named(intake: Callable[[int], Any], calls: str, clause: str) -> None:
    pair = Pair(subject_with(intake), 1)
    *before, last = calls.split()
    for name in before:
        pair.make(name)
    with pytest.raises(Divergence, match=f"after Intake\\(1\\): {calls.replace(' ', '; ')}") as caught:
        pair.do(last)
    assert clause in caught.value.clauses


def test_what_can_not_be_constructed_is_named() -> None:
    def refuse(_: int) -> object:
        raise KeyError

    with pytest.raises(Divergence, match="HOSTILE-1"):
        Driver(subject_with(refuse), 1)


# Faults of a lease: told by answers that the machine does not allow.

ANSWERS: list[tuple[str, object, str]] = [
    ("take", "a lease", "LOCAL-1"),
    ("take", "raised KeyError", "LOCAL-1"),
    ("look", 1, "LOCAL-1"),
    ("look", True, "LOCAL-1"),
    ("look", "raised ValueError", "LEASE-1"),
    ("release", False, "LEASE-1"),
    ("release_again", True, "LEASE-1"),
    ("enter", "no exception out of the block", "LOCAL-1"),
    ("drop", "raised KeyError", "LEASE-1"),
    ("close", "raised KeyError", "CLOSE-1"),
    ("drain", 0, "CLOSE-2"),
    ("drain", True, "CLOSE-2"),
    ("offer", "ACCEPTED", "BOUND-1"),
    ("offer", "CLOSED", "CLOSE-1"),
    ("offer", "FULL, but the item is kept", "NORETRY-1"),
    ("offer", "called __eq__ of an item", "HOSTILE-1"),
    ("misuse_take", "no TypeError", "HOSTILE-1"),
    ("show", 2, "FIXED-1"),
]


@pytest.mark.parametrize(("name", "answer", "clause"), ANSWERS)
def test_a_wrong_answer_is_named(name: str, answer: object, clause: str) -> None:
    taken = machine.take(machine.publish(machine.admit(machine.claim(machine.initial(1)))))
    with pytest.raises(Divergence) as caught:
        follow(Joint(taken, (0,)), Call(name), answer)
    assert clause in caught.value.clauses


def test_an_item_that_outlives_its_lease_is_noticed() -> None:
    pair = Pair(tidegate, 1)
    pair.do("offer")
    kept = pair.driver.live[0]
    pair.do("take")
    with pytest.raises(Divergence, match="kept items"):
        pair.do("release")
    del kept


def test_an_item_that_is_lost_is_noticed() -> None:
    pair = Pair(tidegate, 1)
    pair.do("offer")
    del pair.driver.live[0]
    with pytest.raises(Divergence, match="lost items"):
        pair.check()
    gc.collect()
