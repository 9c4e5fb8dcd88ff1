"""An iterator over an intake: asking for the next lease is a look at the one before, and no lease is kept (LEASE-1, CLOSE-2)."""

import gc
import threading
import weakref
from typing import Any

import pytest

from tidegate import Closed, Empty, Intake, Lease, Statistics
from tidegate._slots import Waits

LIMIT_S = 10.0  # a wait that the promise does not allow ends here, and fails


def in_a_thread(call: Any) -> Any:
    """Run a call that must end by itself, in a thread that may be left behind, and give its answer."""
    answer: list[Any] = []
    thread = threading.Thread(target=lambda: answer.append(call()), daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    assert answer, f"{call} waits"
    return answer[0]


def closed(*items: str) -> Intake[str]:
    intake: Intake[str] = Intake(3)
    assert all(intake.offer(item) for item in items)
    intake.close()
    return intake


@pytest.mark.parametrize("items", [(), ("a",), ("a", "b", "c")])
def test_a_list_of_a_closed_intake_ends(items: tuple[str, ...]) -> None:
    """The list holds every lease and nobody reads an item: the iterator must not wait for its own leases to come back."""
    leases = in_a_thread(lambda: list(closed(*items)))
    assert [lease.item for lease in leases] == list(items)


def test_another_taker_hears_that_a_lease_was_looked_at_by_the_request_for_the_next() -> None:
    intake = closed("a")
    leases = iter(intake)
    first = next(leases)
    with pytest.raises(Empty):
        intake.take(0)  # the first may still come back
    assert in_a_thread(lambda: next(leases, None)) is None
    with pytest.raises(Closed):
        intake.take(0)
    assert first.item == "a"


def test_what_was_asked_on_is_abandoned_when_it_is_dropped() -> None:
    intake: Intake[str] = Intake(2)
    intake.offer("a")
    intake.offer("b")
    leases = iter(intake)
    held = [next(leases), next(leases)]
    del held[:]
    gc.collect()
    told = intake.statistics()
    assert (told.queued, told.in_flight, told.abandoned) == (1, 0, 1), "the first was looked at, the second was not"
    assert intake.take(0).item == "b"


def test_the_iterator_keeps_no_lease() -> None:
    intake: Intake[str] = Intake(1)
    intake.offer("a")
    leases = iter(intake)
    next(leases)  # dropped at once, and nobody looked
    gc.collect()
    assert intake.statistics().queued == 1
    assert next(leases).item == "a"


def test_a_request_after_a_release_marks_nothing() -> None:
    intake: Intake[str] = Intake(1)
    intake.offer("a")
    leases = iter(intake)
    first = next(leases)
    assert first.release()
    intake.offer("b")
    second = intake.take(0)  # in the same slot
    intake.close()
    with pytest.raises(Empty):
        intake.take(0)
    del second  # put back: the iterator's request must not have looked at it
    assert in_a_thread(lambda: next(leases)).item == "b"


def test_an_iterator_goes_on_after_it_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    intake: Intake[str] = Intake(1)
    leases = iter(intake)

    class Interrupt(BaseException):
        pass

    def interrupted(*_: object) -> None:
        raise Interrupt

    monkeypatch.setattr(intake._slots, "arrivals", Waits(interrupted, [None]))
    with pytest.raises(Interrupt):
        next(leases)
    monkeypatch.undo()
    intake.offer("a")
    assert next(leases).item == "a"


def test_a_stop_iteration_out_of_its_wait_does_not_end_a_loop() -> None:
    """As one that a signal handler raises: the loop would end in silence on an open intake."""
    intake: Intake[Any] = Intake(1)

    own = StopIteration("a signal handler's")

    def wait(block: bool) -> None:
        raise own

    slots: Any = intake._slots
    slots.arrivals = Waits(wait, (True, True))
    with pytest.raises(RuntimeError, match="raised in a wait for the next lease") as raised:
        next(iter(intake))
    assert raised.value.__cause__ is own
    with pytest.raises(StopIteration) as out_of_take:
        intake.take()
    assert out_of_take.value is own


def test_an_iterator_keeps_its_intake_and_nothing_else() -> None:
    intake: Intake[str] | None = Intake(1)
    assert intake is not None
    trace = weakref.ref(intake)
    leases: Any = iter(intake)
    intake = None
    assert trace() is not None
    del leases
    assert trace() is None


@pytest.mark.parametrize("cls", [Intake, Lease, Statistics])
def test_what_is_final_can_have_no_subclass(cls: type) -> None:
    with pytest.raises(TypeError, match=f"{cls.__name__} is final"):
        type("Sub", (cls,), {})
