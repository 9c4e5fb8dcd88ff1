"""An alarm for each primitive that the kernel relies on as atomic, and for what it knows of finalisers.

These can't show that a primitive is atomic; they are here to ring when an interpreter changes under the kernel. On a free-threaded
build their threads are truly parallel.
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
from contextlib import contextmanager, suppress
from itertools import chain, count, repeat
from queue import Empty, SimpleQueue
from typing import Any, cast

import pytest

from tidegate import Intake, _atomic
from tidegate._slots import FreeList, Slots, Waits
from tidegate_specs.builds import FREE_THREADED, gil_is_on
from tidegate_specs.guest import pending

THREADS = 4
ROUNDS = 20_000
PRIMITIVES: Any = operator
CLEARS_LATE = sys.version_info >= (3, 15, 0, "beta")  # weak references to garbage, after the finalisers and not before them
WITH_GIL = pytest.mark.skipif(FREE_THREADED, reason="needs a GIL: without one it is not of one instant, and the table says so")
WITHOUT_GIL = pytest.mark.skipif(gil_is_on(), reason="needs a free-threaded build, with the GIL off")


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
    """Whatever the module binds, and whatever the slots bind of it, has a row in its table, and an alarm below."""
    table = _atomic.__doc__ or ""
    bound = [name for name, value in vars(Slots(1)).items() if callable(value) and name != "home"]
    for name in [*_atomic.__all__, *bound, "home", "newest", "arrivals", "generations", "__del__"]:
        assert name in table, name


def test_each_row_says_on_which_builds_and_who_promises() -> None:
    table = (_atomic.__doc__ or "").partition("    name ")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines()[1:] if line[4:5].strip() and "sched_yield" not in line]
    assert len(rows) > 20
    for row in rows:
        assert "  yes  yes  doc: " in row or "  yes  yes  C: " in row or "  yes  no   " in row, row


def test_the_gil_is_off_where_it_can_be() -> None:
    """Nothing that the kernel or these tests import may bring it back."""
    assert gil_is_on() is not FREE_THREADED


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


def test_the_newest_of_a_free_list_goes_to_one() -> None:
    entries: Any = range(ROUNDS)
    free: Any = FreeList(entries)

    def work(_: int) -> list[int]:
        got: list[int] = []
        try:
            while True:
                got.append(free.newest)
        except IndexError:
            return got

    taken = hammer(work)
    assert sorted(entry for entries in taken for entry in entries) == list(range(ROUNDS))
    assert all(entries == sorted(entries, reverse=True) for entries in taken)
    assert not hasattr(FreeList.newest, "__code__")  # an attribute read in C: no bytecode, so no exception, comes in between


def test_a_mark_is_shortened_once() -> None:
    cells: list[list[int]] = [[-1, number] for number in range(ROUNDS)]

    def work(_: int) -> int:
        won = 0
        for number, cell in enumerate(cells):
            try:
                held = cell[1]
                del cell[1]
            except IndexError:
                continue
            assert held == number
            won += 1
        return won

    assert sum(hammer(work)) == ROUNDS


def test_one_map_over_a_get_serves_all_takers() -> None:
    queue: SimpleQueue[int | None] = SimpleQueue()
    arrivals = Waits(queue.get, repeat(True))

    def work(number: int) -> list[int]:
        if number == 0:
            for serial in range(ROUNDS):
                queue.put(serial)
            for _ in range(THREADS):
                queue.put(None)
        got: list[int] = []
        while (arrived := cast("int | None", arrivals.answer)) is not None:
            got.append(arrived)
        return got

    taken = hammer(work)
    assert sorted(serial for serials in taken for serial in serials) == list(range(ROUNDS))
    assert all(serials == sorted(serials) for serials in taken)
    assert not hasattr(Waits.answer, "__code__")  # an attribute read in C, as `newest`


def test_a_look_and_a_recovery_leave_a_mark_in_one_of_its_states() -> None:
    """A look stores, a recovery appends and shortens, a taker compares: no other state is ever seen."""
    marks: list[list[Any]] = [[7, False] for _ in range(ROUNDS)]
    seen: set[str] = set()

    def work(number: int) -> None:
        for mark in marks:
            if number == 0:
                mark.append(None)
                del mark[1:]
            elif number == 1:
                with suppress(IndexError):
                    mark[1] = True
            else:
                equal = mark[1:] == [True]
                seen.add(f"{equal} {mark}")

    hammer(work)
    assert all(mark == [7] for mark in marks)
    states = [[7, False], [7, True], [7, False, None], [7, True, None], [7]]
    assert seen <= {f"{equal} {state}" for equal in (True, False) for state in states}


def test_a_dict_keeps_what_each_owner_stored() -> None:
    generations: dict[int, int] = {}

    def work(number: int) -> bool:
        right = True
        for value in range(ROUNDS // 4):
            for index in range(number, 64 * THREADS, THREADS):
                generations[index] = value
                right = right and generations.get(index, 0) == value
        return right

    assert all(hammer(work))
    assert generations == dict.fromkeys(range(64 * THREADS), ROUNDS // 4 - 1)


def test_a_weak_reference_gives_a_live_object_or_none() -> None:
    class Target:
        alive = True

    targets = [Target() for _ in range(ROUNDS)]
    references = [weakref.ref(target) for target in targets]

    def work(number: int) -> bool:
        if number == 0:
            targets.clear()
        return all(target is None or target.alive for target in (reference() for reference in references))

    assert all(hammer(work))


def test_an_empty_queue_that_is_told_to_be_is() -> None:
    queue: SimpleQueue[int] = SimpleQueue()

    def work(number: int) -> bool:
        if number:
            return True
        right = True
        for serial in range(ROUNDS):
            right = right and queue.empty()
            queue.put(serial)
            right = right and not queue.empty() and queue.get() == serial
        return right

    assert all(hammer(work))


def test_a_flag_and_what_is_read_after_it_keep_their_order() -> None:
    """Claim against close, and release against drain: not both sides may miss what the other wrote."""
    rounds = [Slots(1) for _ in range(ROUNDS // 4)]
    homeless = [slots.free.newest for slots in rounds[::2]]  # every other one is a release
    kept: list[Any] = []  # or a token's finaliser would bring it home
    found: list[list[Any]] = [[], []]

    def work(number: int) -> None:
        if number == 0:
            for turn, slots in enumerate(rounds):
                if turn % 2:
                    kept.append(slots.free.newest)
                else:
                    slots.restore(homeless[turn // 2])
                found[0].append(slots.closed)
        elif number == 1:
            for slots in rounds:
                slots.closed = True
                slots.queue.empty()
                found[1].append(len(slots.free))

    hammer(work)
    unseen = [turn % 2 for turn in range(len(rounds))]  # what the length is before the other's write
    missed = [turn for turn, before in enumerate(unseen) if not found[0][turn] and found[1][turn] == before]
    assert not missed


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


@WITH_GIL
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
            states: list[int] = list(chain(iter(turns), map(operator.is_not, items, repeat(nothing)), iter(turns)))
            if states[0] > states[size - 1] or states[:size] != states[-size:]:
                torn.append(states)

    hammer(work)
    assert not torn


@WITH_GIL
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


@WITHOUT_GIL
def test_without_a_gil_a_snapshot_reads_in_order() -> None:
    """What was written in one order is not read in another: the turns before, the items, the turns after."""
    turns, items, nothing = [0], [object()], object()
    values: list[Any] = [nothing, object()]
    torn: list[list[Any]] = []
    done = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            for value in range(2, 2 * ROUNDS, 2):
                items[0] = values[value // 2 % 2]  # an item with each even half, none with each odd
                turns[0] = value
                items[0] = values[value // 2 % 2]
            done.set()
            return
        while not done.is_set():
            before, there, after = list(chain(iter(turns), map(operator.is_not, items, repeat(nothing)), iter(turns)))
            if before > after:
                torn.append([before, there, after])

    hammer(work)
    assert not torn


def test_yielding_the_processor_returns() -> None:
    for _ in range(10):
        _atomic.yield_processor()
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


@WITHOUT_GIL
def test_without_a_gil_a_finaliser_runs_in_the_thread_that_made_the_object() -> None:
    """Why an interrupted call gives its slot back itself. Should this fail, CPython no longer hands the last drop over."""
    made: SimpleQueue[Any] = SimpleQueue()
    wake: SimpleQueue[None] = SimpleQueue()
    notes: list[int] = []

    class Told:
        def __del__(self) -> None:
            notes.append(threading.get_ident())

    def make_and_sleep() -> None:
        made.put(Told())
        wake.get()

    maker = threading.Thread(target=make_and_sleep)
    maker.start()
    thing = made.get()
    del thing
    assert notes == []  # the maker sleeps
    wake.put(None)
    ident = maker.ident
    maker.join()
    assert notes == [ident]
    maker = threading.Thread(target=make_and_sleep)
    maker.start()
    thing = made.get()
    wake.put(None)
    maker.join()
    del thing
    assert notes[1:] == [threading.get_ident()]  # the maker has ended


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


def test_a_finaliser_that_cannot_be_read_is_taken_for_none() -> None:
    """Why the tokens of an intake that dies run no code of ours: their `__del__` reads through a weak proxy of the intake."""
    told: list[Any] = []
    notes: list[str] = []

    class Home:
        here = True

    class Chosen(Noted):
        def __init__(self, home: Home) -> None:
            super().__init__("a", notes)
            self.home = weakref.proxy(home)

        def end(self) -> None:
            notes.append("end")

        choice = property(operator.attrgetter("home.here", "end"))
        taken = property(operator.attrgetter("choice.__getitem__"))

    setattr(Chosen, "__del__", property(operator.methodcaller("taken", 1)))  # noqa: B010 - no method, as type checkers expect
    hook, sys.unraisablehook = sys.unraisablehook, told.append
    try:
        home = Home()
        thing = Chosen(home)
        del thing
        assert notes == ["end"]
        thing = Chosen(home)
        del home
        gc.collect()
        del thing
        assert notes == ["end"]
    finally:
        sys.unraisablehook = hook
    assert told == []


def test_a_ctrl_c_that_comes_while_an_intake_dies_is_heard() -> None:
    class Goodbye:
        """Its end makes a signal pending from C code, so that the first bytecode after it handles it."""

    def drop(kept: list[Intake[Any]]) -> None:
        kept.clear()
        for _ in range(1000):
            pass  # here the signal is handled

    setattr(Goodbye, "__del__", staticmethod(pending(signal.SIGINT)))  # noqa: B010 - the same
    for capacity in (1, 2, 64, 1000):
        kept: list[Intake[Any]] = [Intake(capacity)]
        kept[0].offer(Goodbye())
        with pytest.raises(KeyboardInterrupt):
            drop(kept)
        assert kept == []


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
    """Why a slot must not lean on a weak reference that only it holds: up to 3.14 the collector clears that before any finaliser.

    3.15 clears it after them. The kernel leans on neither: `Slots` keeps the one weak reference to itself that its tokens use, so
    that it is garbage only when the slots are, and then there is nothing to find.
    """
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
    assert seen == [target if CLEARS_LATE else None]
    kept = weakref.ref(target)
    thing = Leaning(target)
    del thing
    gc.collect()
    assert seen[1:] == [target]
    assert kept() is target


def test_a_lease_that_is_garbage_finds_its_slots_by_the_reference_that_they_keep() -> None:
    intake: Intake[str] = Intake(1)
    intake.offer("work")
    knot: list[Any] = [intake.take(timeout=0)]
    knot.append(knot)
    assert knot[0].item == "work"
    slots: Any = intake._slots
    assert slots.home is knot[0]._token.slot.home  # one weak reference, and the slots hold it
    del knot
    gc.collect()
    assert (intake.statistics().free, intake.statistics().abandoned) == (1, 1)


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
