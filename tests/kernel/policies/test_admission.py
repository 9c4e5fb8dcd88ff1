"""The admission by example: classes, the limit, what is a sample, interval rates, and what can't be made."""

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from tidegate import Outcome
from tidegate.adapters.bulkhead import Bulkhead
from tidegate.policies import Shed
from tidegate.policies.admission import Admission, AdmissionLease
from tidegate.policies.classes import Classes
from tidegate.policies.limit import AdaptiveLimit

CLASSES = Classes({"user": 1.0, "batch": 0.5}, default="batch")


def admission_of(capacity: int = 4, **more: Any) -> Admission:
    return Admission(Bulkhead(capacity), classes=CLASSES, **more)


def entered(admission: Admission, label: str | None = None) -> AdmissionLease:
    lease = admission.enter(label)
    assert isinstance(lease, AdmissionLease), lease
    return lease


def test_a_class_is_let_in_below_its_threshold_whoever_is_inside() -> None:
    admission = admission_of()
    held = [entered(admission, "user"), entered(admission, "batch")]
    assert admission.enter("batch") is Shed.CLASS
    held += [entered(admission, "user"), entered(admission, "user")]
    assert admission.enter("user") is Outcome.FULL
    assert [lease.release() for lease in held] == [True] * 4
    assert not held[0].release()
    assert entered(admission, "batch").release()


def test_without_classes_and_limit_it_is_the_bulkhead() -> None:
    admission = Admission(Bulkhead(2))
    held = [entered(admission), entered(admission, "anything")]
    assert admission.enter() is Outcome.FULL
    assert admission.statistics().unknown == 0
    admission.close()
    assert admission.enter() is Outcome.CLOSED
    assert admission.drain(0) == 2
    held.clear()
    assert admission.drain(0) == 0


def test_the_words_of_the_page() -> None:
    admission = Admission(Bulkhead(64), limit=AdaptiveLimit(floor=4), classes=CLASSES)
    with entered(admission, "user"):
        assert admission.statistics().classes[0].in_progress == 1
    read = admission.statistics()
    assert (admission.limit, read.limit, read.accepted, read.released) == (64, 64, 1, 1)
    assert [(each.label, each.threshold, each.accepted) for each in read.classes] == [("user", 64, 1), ("batch", 32, 0)]


def test_a_dropped_lease_gives_back_its_slot_and_its_seat() -> None:
    admission = admission_of(2)
    for _ in range(10):
        entered(admission, "batch")  # and dropped
    assert admission.statistics().abandoned == 10
    assert [each.in_progress for each in admission.statistics().classes] == [0, 0]


def test_a_lease_that_dies_in_a_cycle_gives_back_both() -> None:
    admission = admission_of(2)

    class Node:
        me: Any
        lease: Any

    node = Node()
    node.me, node.lease = node, entered(admission, "batch")
    del node
    assert admission.enter("batch") is Shed.CLASS
    gc.collect()
    assert entered(admission, "batch").release()


def test_an_admission_that_is_forgotten_dies() -> None:
    admission = admission_of()
    lease, seats = entered(admission), weakref.ref(admission._seats)
    gone = weakref.ref(admission)
    del admission
    assert gone() is None
    assert lease.release()
    del lease
    gc.collect()
    assert seats() is None


def test_a_label_of_a_kind_of_its_own_is_that_of_its_text() -> None:
    import enum

    class Who(enum.StrEnum):
        USER = "user"
        BATCH = "batch"

    admission = admission_of(2)
    held = entered(admission, Who.BATCH)
    assert admission.enter(Who.BATCH) is Shed.CLASS
    assert entered(admission, Who.USER).release()
    assert admission.statistics().unknown == 0
    assert held.release()


class Unhashable:
    __hash__: Any = None

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")


@pytest.mark.parametrize("label", [None, "nobody", 1, Unhashable(), b"user", ["user"]])
def test_any_other_label_is_the_defaults_and_counted(label: Any) -> None:
    admission = admission_of(2)
    held = entered(admission, label)
    assert admission.enter(label) is Shed.CLASS
    assert admission.statistics().unknown == 2
    assert held.release()


def test_to_observe_lets_in_and_counts() -> None:
    admission = admission_of(4, observe=True)
    held = [entered(admission, "batch") for _ in range(4)]
    assert admission.enter("batch") is Outcome.FULL
    read = admission.statistics()
    assert (read.observing, read.shed_class, read.classes[1].accepted, read.accepted) == (True, 3, 2, 4)
    del held


def test_statistics_since() -> None:
    now = [0]
    admission = admission_of(2, clock=lambda: now[0])
    with entered(admission, "user"):
        now[0] = 3_000_000
    before = admission.statistics()
    held = [entered(admission, "batch"), admission.enter("batch")]
    since = admission.statistics().since(before)
    assert (since.accepted, since.released, since.shed_class, since.in_flight, since.capacity) == (1, 0, 1, 1, 2)
    assert 0 <= since.lasted_s <= admission.statistics().lasted_s
    assert [sum(number for _, number in each.sojourn) for each in since.classes] == [0, 0]
    assert sum(number for _, number in before.classes[0].sojourn) == 1
    assert since.classes[1].refused == 1
    with pytest.raises(ValueError, match="no earlier"):
        before.since(admission.statistics())
    with pytest.raises(ValueError, match="other classes"):
        before.since(Admission(Bulkhead(1)).statistics())
    del held


def test_what_ended_badly_is_no_sample() -> None:
    admission = admission_of(4)

    def well() -> int:
        return sum(number for each in admission.statistics().classes for _, number in each.sojourn)

    with pytest.raises(OSError, match="x"), entered(admission, "user"):
        raise OSError("x")
    entered(admission, "user").release(sample=False)
    entered(admission, "user")
    assert well() == 0
    entered(admission, "user").release()
    assert well() == 1


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Classes({}, default=""), ValueError),
        (lambda: Classes({"a": 0.5}, default="a"), ValueError),
        (lambda: Classes({"a": 1.0}, default="b"), ValueError),
        (lambda: Classes({"a": 1.0, "b": 0}, default="a"), ValueError),
        (lambda: Classes({"a": 1.0, "b": float("nan")}, default="a"), ValueError),
        (lambda: Classes({"a": 1.0, "b": True}, default="a"), TypeError),
        (lambda: Classes({"a": 1.0, 2: 0.5}, default="a"), TypeError),  # type: ignore[dict-item]
        (lambda: Admission(4), TypeError),  # type: ignore[arg-type]
        (lambda: Admission(Bulkhead(4), classes={"a": 1.0}), TypeError),  # type: ignore[arg-type]
        (lambda: Admission(Bulkhead(4), limit=AdaptiveLimit(floor=5)), ValueError),
        (AdmissionLease, TypeError),
        (lambda: copy.copy(Admission(Bulkhead(4))), TypeError),
        (lambda: copy.copy(entered(Admission(Bulkhead(4)))), TypeError),
    ],
)
def test_what_can_not_be(make: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        make()


@pytest.mark.parametrize("limit", range(1, 40))
def test_thresholds_are_nested_and_the_highest_is_the_limit(limit: int) -> None:
    classes = Classes({"health": 1.0, "user": 0.9, "api": 0.29, "batch": 0.01}, default="batch")
    thresholds = list(classes.thresholds(limit).values())
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] == limit
    assert thresholds[-1] == 1


def test_the_texts_tell() -> None:
    admission = admission_of(2)
    assert "limit 2" in repr(admission)
    lease = entered(admission, "user")
    assert "held" in repr(lease)
    assert "batch" in repr(CLASSES)
    lease.release()
