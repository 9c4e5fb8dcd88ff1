"""An alarm for each primitive that the kernel relies on as atomic, and for what it knows of finalisers.

These can't show that a primitive is atomic; they are here to ring when an interpreter changes under the kernel.
"""

import gc
import operator
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count, repeat
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from tidegate import _atomic

THREADS = 4
ROUNDS = 20_000
PRIMITIVES: Any = operator


@contextmanager
def switching(every_s: float) -> Generator[None, None, None]:
    """Have the interpreter switch threads this often."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(every_s)
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)


def hammer(work: Callable[[int], Any], every_s: float = 1e-6) -> list[Any]:
    """Run the same work in several threads that start together."""
    results: list[Any] = [None] * THREADS
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> None:
        barrier.wait()
        results[number] = work(number)

    with switching(every_s):
        threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    return results


def test_the_table_is_complete() -> None:
    """Whatever the module binds has a line in its table, and an alarm below."""
    for name in _atomic.__all__:
        table_name = "list(map" if name in ("is_not", "or_", "repeat") else name
        assert table_name in (_atomic.__doc__ or ""), name


def test_claim_and_restore_a_list_gives_each_entry_to_one() -> None:
    free = list(range(3))

    def work(_: int) -> int:
        held = 0
        for _ in range(ROUNDS):
            try:
                entry = free.pop()
            except IndexError:
                continue
            held += 1
            free.append(entry)
        return held

    assert sum(hammer(work)) > 0
    assert sorted(free) == [0, 1, 2]


def test_a_list_popped_by_many_gives_each_entry_once() -> None:
    free = list(range(ROUNDS))

    def work(_: int) -> list[int]:
        got: list[int] = []
        try:
            while True:
                got.append(free.pop())
        except IndexError:
            return got

    got = [entry for entries in hammer(work) for entry in entries]
    assert sorted(got) == list(range(ROUNDS))


def test_a_cell_is_emptied_once() -> None:
    cells: list[list[int]] = [[number] for number in range(ROUNDS)]

    def work(_: int) -> int:
        won = 0
        for cell in cells:
            try:
                cell.pop()
            except IndexError:
                continue
            won += 1
        return won

    assert sum(hammer(work)) == ROUNDS


def test_publish_and_await_lose_and_double_nothing_and_keep_order() -> None:
    queue: SimpleQueue[tuple[int, int]] = SimpleQueue()

    def work(number: int) -> list[tuple[int, int]]:
        if number % 2:
            for serial in range(ROUNDS):
                queue.put((number, serial))
            return []
        got: list[tuple[int, int]] = []
        while True:
            try:
                got.append(queue.get(True, 0.2))
            except Empty:
                return got

    taken = hammer(work)
    everything = [entry for entries in taken for entry in entries]
    assert sorted(everything) == [(number, serial) for number in (1, 3) for serial in range(ROUNDS)]
    for entries in taken:
        for producer in (1, 3):
            serials = [serial for number, serial in entries if number == producer]
            assert serials == sorted(serials)


def test_publish_is_the_one_in_c() -> None:
    assert SimpleQueue.__module__ == "_queue"
    assert _atomic.SimpleQueue is SimpleQueue
    made: SimpleQueue[int] = SimpleQueue()
    assert type(made.put).__name__ == "builtin_function_or_method"


def test_publish_may_be_reentered_from_a_finaliser() -> None:
    queue: SimpleQueue[Any] = SimpleQueue()

    class Trap:
        def __del__(self) -> None:
            queue.put("from a finaliser")

    for number in range(100):
        trap: Any = Trap()
        queue.put(number)
        del trap
        queue.put(len([Trap()]))  # it dies while the arguments are made
    assert queue.qsize() == 400


if hasattr(signal, "setitimer"):

    def test_publish_may_be_reentered_from_a_signal_handler() -> None:
        queue: SimpleQueue[Any] = SimpleQueue()
        fired = 0

        def handle(*_: Any) -> None:
            nonlocal fired
            fired += 1
            queue.put("from the handler")

        before = signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        try:
            mine, got = 0, 0
            deadline_s = time.monotonic() + 0.2
            while time.monotonic() < deadline_s:
                queue.put("mine")
                mine += 1
                queue.get()
                got += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert fired > 0
        assert queue.qsize() == mine + fired - got

    def test_await_is_interrupted_by_a_handler_that_raises_and_loses_nothing() -> None:
        queue: SimpleQueue[str] = SimpleQueue()

        def handle(*_: Any) -> None:
            raise TimeoutError

        before = signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        try:
            with pytest.raises(TimeoutError):
                queue.get()
        finally:
            signal.signal(signal.SIGALRM, before)
        queue.put("still works")
        assert queue.get(timeout=1) == "still works"


def test_a_timed_out_await_loses_nothing() -> None:
    """Bells end the waits that, before 3.13, outlive their time (see the Limits of the kernel)."""
    queue: SimpleQueue[int | None] = SimpleQueue()
    got: list[int] = []

    def work() -> None:
        for _ in range(ROUNDS // 40):
            try:
                serial = queue.get(True, 0.00001)
            except Empty:
                continue
            if serial is not None:
                got.append(serial)

    threads = [threading.Thread(target=work) for _ in range(THREADS - 1)]
    with switching(0.001):
        for thread in threads:
            thread.start()
        for serial in range(ROUNDS // 40):
            queue.put(serial)
        for thread in threads:
            while thread.is_alive():
                queue.put(None)
                thread.join(0.01)
    left = [queue.get_nowait() for _ in range(queue.qsize())]
    assert sorted([*got, *(serial for serial in left if serial is not None)]) == list(range(ROUNDS // 40))


def test_next_of_a_count_counts_every_call() -> None:
    counter = count()

    def work(_: int) -> list[int]:
        return [next(counter) for _ in range(ROUNDS)]

    numbers = [number for numbers in hammer(work) for number in numbers]
    assert sorted(numbers) == list(range(THREADS * ROUNDS))
    assert repr(counter) == f"count({THREADS * ROUNDS})"


def test_the_repr_of_a_count_reads_it_and_leaves_it() -> None:
    counter = count()
    for number in (0, 1, 2):
        assert repr(counter) == f"count({number})"
        assert next(counter) == number


def test_stores_by_the_owner_are_seen_whole() -> None:
    turns = [0] * THREADS

    def work(number: int) -> None:
        for _ in range(ROUNDS):
            turns[number] += 2

    hammer(work)
    assert turns == [2 * ROUNDS] * THREADS


def test_a_snapshot_of_all_slots_is_of_one_instant() -> None:
    """Two entries are always changed in the same order: a snapshot in the middle could see the second without the first."""
    size = 64
    turns, items, nothing = [0] * size, [None] * size, object()
    torn: list[list[int]] = []
    done = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            for value in range(2, 2 * ROUNDS, 2):
                turns[size - 1] = value  # read last, written first
                turns[0] = value
            done.set()
            return
        while not done.is_set():
            states: list[int] = list(map(PRIMITIVES.or_, turns, map(operator.is_not, items, repeat(nothing))))
            if states[0] > states[-1]:
                torn.append(states)

    hammer(work)
    assert not torn


def test_a_sum_over_c_functions_is_of_one_instant() -> None:
    size = 64
    turns = [0] * size
    sums: set[int] = set()
    done = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            for _ in range(ROUNDS):
                turns[0], turns[-1] = 1, 1
                turns[-1], turns[0] = 0, 0
            done.set()
        while not done.is_set():
            states: list[int] = list(map(PRIMITIVES.or_, turns, repeat(0)))
            sums.add(2 * states[0] + states[-1])

    hammer(work)
    assert sums <= {0, 2, 3}  # never the last without the first


def test_yielding_the_processor_returns_at_once() -> None:
    begun_s = time.monotonic()
    for _ in range(1000):
        _atomic.yield_processor()
    assert time.monotonic() - begun_s < 5
    if hasattr(os, "sched_yield"):
        assert _atomic.yield_processor is os.sched_yield


# Finalisers.


class Noted:
    """Note what dies, and when."""

    def __init__(self, name: str, notes: list[str], inner: Any = None) -> None:
        self.name, self.notes, self.inner = name, notes, inner

    def __del__(self) -> None:
        self.notes.append(self.name)


def test_a_finaliser_runs_at_once_with_the_last_reference() -> None:
    notes: list[str] = []
    thing = Noted("a", notes)
    del thing
    assert notes == ["a"]


def test_a_finaliser_runs_before_those_of_what_it_holds() -> None:
    notes: list[str] = []
    thing = Noted("outer", notes, [Noted("inner", notes)])
    del thing
    assert notes == ["outer", "inner"]


def test_a_finaliser_that_raises_still_lets_go_of_what_it_holds() -> None:
    notes: list[str] = []

    class Raising(Noted):
        def __del__(self) -> None:
            super().__del__()
            raise ArithmeticError

    def silent(_: Any) -> None:
        pass

    hook, sys.unraisablehook = sys.unraisablehook, silent
    try:
        thing = Raising("outer", notes, Noted("inner", notes))
        del thing
    finally:
        sys.unraisablehook = hook
    assert notes == ["outer", "inner"]


def test_a_finaliser_runs_once_for_an_object_brought_back() -> None:
    notes: list[str] = []
    kept: list[Any] = []

    class Returning(Noted):
        def __del__(self) -> None:
            super().__del__()
            kept.append(self)

    thing = Returning("a", notes)
    del thing
    kept.clear()
    gc.collect()
    assert notes == ["a"]


def test_the_collector_runs_each_finaliser_once() -> None:
    notes: list[str] = []
    knot: list[Any] = [Noted("outer", notes, [Noted("inner", notes)])]
    knot.append(knot)
    del knot
    gc.collect()
    gc.collect()
    assert sorted(notes) == ["inner", "outer"]


def test_the_collector_clears_weak_references_that_are_garbage_too() -> None:
    """Why a slot must not lean on a weak reference that only it holds: the collector clears that first."""
    seen: list[Any] = []

    class Target:
        pass

    class Leaning:
        def __init__(self, target: Target) -> None:
            self.me, self.target = self, weakref.ref(target)

        def __del__(self) -> None:
            seen.append(self.target())

    target = Target()
    thing = Leaning(target)
    del thing
    gc.collect()
    assert seen == [None]
    kept = weakref.ref(target)
    thing = Leaning(target)
    del thing
    gc.collect()
    assert seen == [None, target]
    assert kept() is target


def test_an_exception_keeps_the_locals_of_the_frames_it_left() -> None:
    """Why the kernel lets go of its token in the handler, by hand."""
    notes: list[str] = []

    def work() -> None:
        thing = Noted("local", notes)
        raise ArithmeticError(thing.name)

    with pytest.raises(ArithmeticError) as caught:
        work()
    assert notes == []
    del caught
    gc.collect()
    assert notes == ["local"]
