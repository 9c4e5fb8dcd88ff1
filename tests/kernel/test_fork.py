"""After a fork the child's intake is usable at once, holds none of the parent's work and all of its slots (FORK-1)."""

import os
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from itertools import repeat
from typing import Any, cast

import pytest

from tidegate import Closed, Empty, Intake, Outcome
from tidegate._slots import Token, Waits


def filled(capacity: int, *items: Any) -> Intake[Any]:
    intake: Intake[Any] = Intake(capacity)
    for item in items:
        assert intake.offer(item) is Outcome.ACCEPTED
    return intake


InChild = Callable[[Callable[[], bool]], bool]


def usable(intake: Intake[Any]) -> bool:
    """Tell whether an intake is empty, open, and has all its slots."""
    capacity = intake.capacity
    if intake.statistics().free != capacity or intake.statistics().accepted:
        return False
    answers = [intake.offer(number) for number in range(capacity + 1)]
    items = [intake.take(timeout=0).item for _ in range(capacity)]
    return answers == [Outcome.ACCEPTED] * capacity + [Outcome.FULL] and items == list(range(capacity)) and not intake.drain(0)


if hasattr(os, "fork"):

    def test_a_childs_intake_is_empty_and_has_all_its_slots(in_child: InChild) -> None:
        intake = filled(3, "a", "b")
        lease = intake.take(timeout=0)
        assert in_child(lambda: usable(intake))
        assert in_child(lambda: lease.release() in (True, False) and usable(intake))
        assert lease.item == "a"
        assert (intake.statistics().queued, intake.statistics().in_flight) == (1, 1)

    def test_a_closed_intake_stays_closed_in_a_child(in_child: InChild) -> None:
        intake = filled(2, "a")
        intake.close()

        def check() -> bool:
            try:
                intake.take()
            except Closed:
                return intake.offer("b") is Outcome.CLOSED and intake.drain() == 0
            return False

        assert in_child(check)
        assert intake.take(timeout=0).item == "a"

    def test_a_fork_beside_threads_that_are_inside(in_child: InChild) -> None:
        intake: Intake[str] = Intake(2)
        stop = threading.Event()

        def churn() -> None:
            while not stop.is_set():
                intake.offer("a")
                with suppress(Empty):
                    intake.take(timeout=0).release()

        threads = [threading.Thread(target=churn) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            assert all(in_child(lambda: usable(intake)) for _ in range(20))
        finally:
            stop.set()
            for thread in threads:
                thread.join(10)
        assert intake.drain(timeout=0) == intake.statistics().queued

    def test_an_intake_that_is_gone_does_not_come_back_in_a_child(in_child: InChild) -> None:
        intake = filled(1, "a")
        del intake
        assert in_child(lambda: usable(Intake(2)))

    @pytest.mark.parametrize("timeout", [5.0, None])
    def test_a_wait_that_forks_goes_on_with_the_childs_own_slots(timeout: float | None) -> None:
        intake: Intake[str] = Intake(2)
        slots: Any = intake._slots
        wait = slots.await_slot
        children: list[int] = []

        def forking_wait(block: bool = True, timeout: float | None = None) -> Token | None:
            slots.await_slot, slots.arrivals = wait, Waits(wait, repeat(True))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                children.append(os.fork())
            assert intake.offer("parent's" if children[0] else "child's") is Outcome.ACCEPTED
            return cast("Token | None", wait(block, timeout))

        slots.await_slot, slots.arrivals = forking_wait, Waits(forking_wait, repeat(True))
        item = ""
        try:
            item = intake.take(timeout).item
        finally:
            if children == [0]:
                os._exit(0 if item == "child's" and intake.statistics().free == 2 else 1)
        assert (item, os.waitpid(children[0], 0)[1]) == ("parent's", 0)
