"""Bad arguments give a clear error before anything is allocated; what can't be done says so (HOSTILE-1, FIXED-1)."""

import copy
import math
import pickle
import queue
import sys
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

import tidegate
from tidegate import Closed, Empty, Intake, Lease, Outcome, Statistics

LOOSE: Any = Intake  # for calls that the types forbid


def held(item: object = "work") -> tuple[Intake[object], Lease[object]]:
    intake: Intake[object] = Intake(1)
    intake.offer(item)
    return intake, intake.take(timeout=0)


@pytest.mark.parametrize("capacity", [None, 1.0, "1", True, False, b"1", [1], Decimal(1), Fraction(1), math.nan])
def test_a_capacity_that_is_no_int_is_a_type_error(capacity: object) -> None:
    with pytest.raises(TypeError, match=rf"capacity must be an int, not {type(capacity).__name__}"):
        LOOSE(capacity)


@pytest.mark.parametrize("capacity", [0, -1, -(10**30)])
def test_a_capacity_below_one_is_a_value_error(capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity must be at least 1"):
        Intake(capacity)


@pytest.mark.parametrize("capacity", [10**12, sys.maxsize, sys.maxsize + 1, pytest.param(10**4000, id="huge")])
def test_a_capacity_that_memory_cannot_hold_is_a_value_error(capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity"):
        Intake(capacity)


@pytest.mark.parametrize("capacity", [None, 2.0, "x", True, 0, -5, 10**12, sys.maxsize])
def test_nothing_is_allocated_for_a_bad_capacity(capacity: object) -> None:
    def fail() -> None:
        with pytest.raises((TypeError, ValueError)):
            LOOSE(capacity)

    fail()
    tracemalloc.start()
    try:
        fail()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 50_000


def test_construction_takes_a_capacity_and_nothing_else() -> None:
    for arguments, keywords in (((), {}), ((1, 2), {}), ((1,), {"block": True}), ((), {"maxsize": 1})):
        with pytest.raises(TypeError):
            LOOSE(*arguments, **keywords)
    assert Intake(capacity=3).capacity == 3


def test_offer_has_no_time_out_and_no_blocking_mode() -> None:
    intake: Any = LOOSE(1)
    for keywords in ({"timeout": 1}, {"block": True}):
        with pytest.raises(TypeError):
            intake.offer("work", **keywords)
    with pytest.raises(TypeError):
        intake.offer("work", 1)
    with pytest.raises(TypeError):
        intake.offer()


def test_nothing_can_be_set() -> None:
    intake: Any = LOOSE(1)
    for name in ("capacity", "maxsize", "closed"):
        with pytest.raises(AttributeError):
            setattr(intake, name, 5)
    with pytest.raises(AttributeError):
        del intake.capacity
    assert intake.capacity == 1


BAD_TIMEOUTS: list[tuple[Any, type[Exception]]] = [
    ("1", TypeError),
    (True, TypeError),
    (False, TypeError),
    (b"", TypeError),
    ([], TypeError),
    (1j, TypeError),
    (math.nan, ValueError),
    (-1, ValueError),
    (-0.001, ValueError),
    (-math.inf, ValueError),
]


@pytest.mark.parametrize(("timeout", "error"), BAD_TIMEOUTS)
def test_a_bad_time_out_is_an_error_and_changes_nothing(timeout: Any, error: type[Exception]) -> None:
    intake: Intake[str] = Intake(1)
    intake.offer("work")
    for call in (intake.take, intake.drain):
        with pytest.raises(error, match="timeout must be"):
            call(timeout=timeout)
    assert intake.statistics().queued == 1
    assert intake.take(timeout=0).release()
    assert intake.offer("not closed") is Outcome.ACCEPTED


@pytest.mark.parametrize("timeout", [0, 0.0, 1, 10**9, 1e300, math.inf, sys.maxsize, None, pytest.param(10**400, id="huge")])
def test_any_other_time_out_is_good_enough_for_what_is_there(timeout: Any) -> None:
    intake: Intake[str] = Intake(1)
    intake.offer("work")
    assert intake.take(timeout=timeout).item == "work"
    done: Intake[str] = Intake(1)
    assert done.drain(timeout=timeout) == 0


def copied(thing: Any, protocol: int) -> Any:
    """Copy by one of the ways there are: pickle's protocols, and two more."""
    if protocol < 0:
        return copy.copy(thing) if protocol == -1 else copy.deepcopy(thing)
    return pickle.dumps(thing, protocol)


@pytest.mark.parametrize("protocol", range(-2, pickle.HIGHEST_PROTOCOL + 1))
def test_neither_an_intake_nor_a_lease_can_be_copied(protocol: int) -> None:
    intake, lease = held()
    things: tuple[Any, ...] = (intake, lease)
    for thing in things:
        with pytest.raises(TypeError, match="copied or pickled"):
            copied(thing, protocol)
    assert intake.statistics().in_flight == 1
    assert lease.release()


def test_a_lease_can_only_be_taken() -> None:
    make: Any = Lease
    with pytest.raises(TypeError, match="take"):
        make()


def test_the_answers() -> None:
    assert [bool(answer) for answer in (Outcome.ACCEPTED, Outcome.FULL, Outcome.CLOSED)] == [True, False, False]
    assert {answer.name for answer in Outcome} == {"ACCEPTED", "FULL", "CLOSED"}
    assert pickle.loads(pickle.dumps(Outcome.FULL)) is Outcome.FULL


def test_the_exceptions() -> None:
    assert issubclass(Empty, queue.Empty)
    assert issubclass(Closed, Exception)
    assert not issubclass(Closed, queue.Empty)
    if sys.version_info >= (3, 13):
        assert issubclass(Closed, queue.ShutDown)


def test_the_public_names() -> None:
    assert set(tidegate.__all__) == {"Closed", "Empty", "Intake", "Lease", "Outcome", "Statistics"}
    assert all(hasattr(tidegate, name) for name in tidegate.__all__)


def test_statistics_are_frozen() -> None:
    statistics: Any = Intake(1).statistics()
    assert isinstance(statistics, Statistics)
    for name in ("free", "peak", "something_else"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(statistics, name, 7)
    assert not hasattr(statistics, "__dict__")
    assert statistics == Statistics(1, 1, 0, 0, 0, 0, 0, 0, 0, 0)


class Hostile:
    """An item that can't be used in any way, and tells who tried."""

    calls: list[str]


def _hostile(calls: list[str]) -> Any:
    def method(name: str) -> Callable[..., Any]:
        def call(*_: Any, **__: Any) -> Any:
            calls.append(name)
            raise ArithmeticError(name)

        return call

    names = """eq ne lt le gt ge hash bool repr str len iter next call contains getitem setitem delitem getattr index int float
        enter exit reduce reduce_ex copy deepcopy sizeof format dir add radd set_name get set delete""".split()
    return type("Hostile", (), {f"__{name}__": method(name) for name in names})()


def test_no_method_of_an_item_is_ever_called() -> None:
    calls: list[str] = []
    intake: Intake[Any] = Intake(2)
    items = [_hostile(calls) for _ in range(3)]
    assert [intake.offer(item) for item in items] == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.FULL]
    lease = intake.take(timeout=0)
    assert lease.item is items[0]
    texts = repr(intake), repr(lease), str(intake), str(lease), repr(intake.statistics())
    del lease
    unseen = intake.take(timeout=0)
    del unseen
    with intake.take() as item:
        assert item is items[1]
    assert intake.drain(timeout=0) == 0
    assert intake.offer(items[2]) is Outcome.CLOSED
    assert not calls
    assert all(texts)


def test_repr_tells_the_state() -> None:
    intake, lease = held()
    assert "open" in repr(intake)
    assert "0 of 1 free" in repr(intake)
    assert "held" in repr(lease)
    lease.release()
    intake.close()
    assert "1 of 1 free" in repr(intake)
    assert "closed" in repr(intake)
    assert "released" in repr(lease)


def test_any_object_is_an_item() -> None:
    things: list[Any] = [None, False, 0, "", (), Intake, Outcome.FULL, NotImplemented, ..., Exception("no error"), [None], object]
    intake: Intake[Any] = Intake(len(things))
    for thing in things:
        assert intake.offer(thing) is Outcome.ACCEPTED
    for thing in things:
        with intake.take(timeout=0) as item:
            assert item is thing
