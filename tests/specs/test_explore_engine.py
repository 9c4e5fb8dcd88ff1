"""The explorer itself: what it counts, that its ways agree with each other, and that it finds what is known to be there."""

import os
import queue
import subprocess
import sys
import textwrap
import threading
import types
from collections.abc import Callable
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from math import comb
from typing import Any

import pytest

from tidegate_specs.check import Verdict
from tidegate_specs.explore import (
    Caller,
    Diverged,
    Explorer,
    History,
    Limits,
    Program,
    Report,
    WaitsInEarnest,
    explore,
    scheduler,
    simulated,
)
from tidegate_specs.explore.history import Operation
from tidegate_specs.explore.intake_model import strict_model
from tidegate_specs.explore.labels import touched
from tidegate_specs.explore.linearizability import check
from tidegate_specs.explore.processor import reserve
from tidegate_specs.explore.schedules import decode, encode
from tidegate_specs.explore.watches import WATCHES


class _Text(InspectLoader):
    """Load a module from a text."""

    def __init__(self, text: str) -> None:
        self.text = textwrap.dedent(text)

    def get_source(self, fullname: str) -> str:
        return self.text


def module(name: str, text: str) -> types.ModuleType:
    made = types.ModuleType(name)
    made.__file__ = f"<{name}>"
    made.__loader__ = _Text(text)
    made.__spec__ = ModuleSpec(name, None)
    exec(compile(textwrap.dedent(text), f"<{name}>", "exec"), vars(made))
    return made


COUNTER = module(
    "counter",
    """
    from threading import Lock

    class Counter:
        def __init__(self):
            self.value = 0
            self.lock = Lock()

        def add(self):
            value = self.value
            self.value = value + 1

        def add_locked(self):
            with self.lock:
                value = self.value
                self.value = value + 1

    class Pair:
        def __init__(self):
            self.left = Lock()
            self.right = Lock()

        def both(self, first, second):
            with first:
                with second:
                    return True
    """,
)


def counting(name: str, threads: int = 2) -> Program:
    def body(shared: Any, call: Caller) -> None:
        call(name, None, getattr(shared, name))

    def total(shared: Any, history: History) -> int:
        return int(shared.value)

    def lost(shared: Any, history: History) -> str:
        return "" if shared.value == threads else f"{threads - shared.value} of {threads} lost"

    return Program(name, (COUNTER,), COUNTER.Counter, (body,) * threads, lost, total)


def test_every_interleaving_of_two_steps_each_is_run_once() -> None:
    report = explore(counting("add"), faults=1000)
    assert report.schedules == comb(4, 2)
    assert report.outcomes == {1: 4, 2: 2}
    assert report.exhausted
    assert len(report.faults) == 4


def test_three_threads_of_two_steps_each() -> None:
    report = explore(counting("add", 3), faults=1000)
    assert report.schedules == 6 * 5 * 4 * 3 * 2 * 1 // 8
    assert set(report.outcomes) == {1, 2, 3}


def test_the_bound_is_raised_step_by_step() -> None:
    with Explorer(counting("add")) as explorer:
        report = explorer.depth_first("access", 2, Limits(faults=1000))
    assert report.by_preemptions == [2, 4 - 2, 2]


def test_a_lost_update_is_found_with_one_preemption_and_named() -> None:
    report = explore(counting("add"), bound=1)
    assert report.verdict is Verdict.ILLEGAL
    assert report.faults[0].message == "1 of 2 lost"
    assert "|--------|     B: add() -> None" in report.faults[0].timeline


WAYS: tuple[Callable[[Program], Report], ...] = (
    lambda program: explore(program, reduce=True),
    explore,
    lambda program: explore(program, grain="opcode", bound=1),
)


PLACES = module(
    "places",
    """
    TOTAL = 0

    class Places:
        def __init__(self):
            self.items = [0]
            self.table = {"a": 0}

        @property
        def value(self):
            return TOTAL or self.items[0] or self.table["a"] or len(self.items) - 1

        def item(self):
            items = self.items
            items[0] += 1

        def entry(self):
            table = self.table
            old = table["a"]
            table["a"] = old + 1

        def module_global(self):
            global TOTAL
            old = TOTAL
            TOTAL = old + 1

        def unpacked(self):
            items = self.items
            (old,) = items
            items[0] = old + 1
    """,
)


def writing(name: str) -> Program:
    def body(shared: Any, call: Caller) -> None:
        call(name, None, getattr(shared, name))

    def make() -> Any:
        PLACES.TOTAL = 0  # type: ignore[attr-defined]
        return PLACES.Places()

    def total(shared: Any, history: History) -> int:
        return int(shared.value)

    return Program(name, (PLACES,), make, (body, body), outcome=total)


@pytest.mark.parametrize("name", ["item", "entry", "module_global", "unpacked"])
def test_a_lost_update_is_found_wherever_it_is_whatever_the_instruction_is_called(name: str) -> None:
    for way in WAYS:
        assert set(way(writing(name)).outcomes) == {1, 2}, way


STEPS = module(
    "steps",
    """
    class Steps(map):
        answer = property(next)

    class Shared:
        def __init__(self):
            self.entries = [2, 1]
            self.steps = Steps(self.entries.pop, *[iter([-1, -1])])

        def take(self):
            steps = self.steps
            return steps.answer
    """,
)


@pytest.mark.parametrize("reduce", [False, True])
def test_an_attribute_that_takes_the_next_of_an_iterator_touches_what_is_behind_it(reduce: bool) -> None:
    """As the kernel waits: who comes first gets the first, and both orders are tried."""

    def body(shared: Any, call: Caller) -> None:
        call("take", None, shared.take)

    def outcome(shared: Any, history: History) -> tuple[object, ...]:
        return tuple(caller.operations[0].result for caller in history.callers)

    report = explore(Program("steps", (STEPS,), STEPS.Shared, (body, body), outcome=outcome), reduce=reduce)
    assert set(report.outcomes) == {(1, 2), (2, 1)}


def test_a_lock_loses_nothing() -> None:
    for way in WAYS:
        report = way(counting("add_locked"))
        assert report.verdict is Verdict.OK, report
        assert set(report.outcomes) == {2}


def deadlocking() -> Program:
    def one(shared: Any, call: Caller) -> None:
        call("both", None, shared.both, shared.left, shared.right)

    def other(shared: Any, call: Caller) -> None:
        call("both", None, shared.both, shared.right, shared.left)

    return Program("pair", (COUNTER,), COUNTER.Pair, (one, other))


def test_a_deadlock_is_found_and_named() -> None:
    for way in WAYS:
        report = way(deadlocking())
        assert report.verdict is Verdict.ILLEGAL
        assert report.faults[0].message.count("waits for a lock in Pair.both") == 2


def test_a_limit_is_unknown_and_tells_how_far_it_got() -> None:
    report = explore(counting("add_locked", 3), limit=5)
    assert report.verdict is Verdict.UNKNOWN
    assert (report.schedules, report.why_not) == (5, "the limit of 5 schedules")


def test_a_sample_is_never_more_than_unknown() -> None:
    with Explorer(counting("add_locked")) as explorer:
        assert explorer.sample(20, 3, 0, Limits()).verdict is Verdict.UNKNOWN
    with Explorer(counting("add")) as explorer:
        assert explorer.sample(200, 3, 0, Limits()).verdict is Verdict.ILLEGAL


def queueing() -> Program:
    """Two producers and a taker on the standard library's queue of one place."""

    def offer(item: str) -> Callable[[Any, Caller], None]:
        def body(shared: Any, call: Caller) -> None:
            def attempt() -> str:
                try:
                    shared.put_nowait(item)
                except queue.Full:
                    return "FULL"
                return "ACCEPTED"

            call("offer", item, attempt)

        return body

    def take(shared: Any, call: Caller) -> None:
        call("take", False, shared.get)

    return Program("queue.Queue", (queue,), lambda: queue.Queue[str](1), (offer("a"), offer("b"), take))


def test_the_standard_queue_is_explored_too_its_locks_and_its_waits() -> None:
    report = explore(queueing(), bound=2)
    assert report.verdict is Verdict.OK
    assert set(report.outcomes) == {
        (("ACCEPTED",), ("FULL",), ("a",)),
        (("FULL",), ("ACCEPTED",), ("b",)),
        (("ACCEPTED",), ("ACCEPTED",), ("a",)),
        (("ACCEPTED",), ("ACCEPTED",), ("b",)),
    }
    assert set(explore(queueing(), reduce=True, limit=3000).outcomes) <= set(report.outcomes)


@pytest.mark.parametrize("watch", WATCHES)
def test_both_ways_of_watching_agree(watch: str) -> None:
    report = explore(counting("add", 3), faults=1000, watch=watch)
    assert (report.schedules, set(report.outcomes)) == (90, {1, 2, 3})
    opcodes = explore(counting("add"), grain="opcode", bound=1, faults=1000, watch=watch)
    assert set(opcodes.outcomes) == {1, 2}


def test_a_schedule_is_written_and_read() -> None:
    steps = [0] * 12 + [1] * 3 + [0] + [2] * 100
    text = encode("name", steps)
    assert text == f"name@{sys.version_info.major}.{sys.version_info.minor}:A12B3A1C100"
    assert decode(text).steps == steps
    with pytest.raises(ValueError, match="not a schedule id"):
        decode("nonsense")


def test_a_schedule_that_does_not_fit_is_reported() -> None:
    with Explorer(counting("add")) as explorer:
        explorer.scheduler.aim(explorer.sites.everything())
        with pytest.raises(Diverged):
            explorer.run([0, 5])
        with pytest.raises(Diverged):
            explorer.run([0] * 1000)
        run, _, _ = explorer.run()  # and it works again
        assert run.steps


def test_a_wait_that_is_not_simulated_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "PATIENCE_S", 0.2)
    real = threading.Lock()
    real.acquire()

    def waiting(shared: Any, call: Caller) -> None:
        call("add", None, shared.add)
        real.acquire()

    with Explorer(Program("waiting", (COUNTER,), COUNTER.Counter, (waiting,))) as explorer, pytest.raises(WaitsInEarnest):
        explorer.run()
    real.release()


def test_the_modules_are_as_before_when_it_is_over() -> None:
    lock = vars(COUNTER)["Lock"]
    with Explorer(counting("add")):
        assert vars(COUNTER)["Lock"] is not lock
    assert vars(COUNTER)["Lock"] is lock


def test_histories_with_the_same_overlaps_have_the_same_key() -> None:
    def history(*spans: tuple[int, int]) -> History:
        made = History(len(spans))
        for thread, (began, ended) in enumerate(spans):
            operation = Operation(thread, "offer", "a")
            operation.began, operation.ended = began, ended
            made.callers[thread].operations.append(operation)
        return made

    assert history((0, 3), (1, 2)).key() == history((1, 9), (0, 7)).key()
    assert history((0, 1), (2, 3)).key() != history((0, 2), (1, 3)).key()


def test_the_strict_model_refuses_what_overlapping_calls_of_a_two_step_queue_do() -> None:
    program = Program("two steps", (TWO_STEPS,), TWO_STEPS.TwoSteps, (_offer_only, _offer_and_take), _not_strict)
    report = explore(program, reduce=True)
    assert report.verdict is Verdict.ILLEGAL
    assert "FULL" in report.faults[0].timeline


TWO_STEPS = module(
    "two_steps",
    """
    class TwoSteps:
        def __init__(self):
            self.free = [0]
            self.queue = []

        def offer(self, item):
            try:
                self.free.pop()
            except IndexError:
                return "FULL"
            self.queue.append(item)
            return "ACCEPTED"

        def take(self):
            try:
                return self.queue.pop(0)
            except IndexError:
                return "Empty"
    """,
)


def _offer_only(shared: Any, call: Caller) -> None:
    call("offer", "a", shared.offer, "a")


def _offer_and_take(shared: Any, call: Caller) -> None:
    call("offer", "b", shared.offer, "b")
    call("take", True, shared.take)


def _not_strict(shared: Any, history: History) -> str:
    return check(history.operations(), strict_model(1)).timeline


@pytest.mark.skipif(sys.platform != "linux", reason="no other system lets a thread choose its processor")
def test_an_exploration_keeps_to_one_processor_that_no_other_process_explores_on() -> None:
    chosen = reserve()  # None: other processes explore on all of them, and this one stays free to move
    allowed, policy = os.sched_getaffinity(0), os.sched_getscheduler(0)
    with Explorer(counting("add")):
        mine = os.sched_getaffinity(0)
        theirs = subprocess.run(
            [sys.executable, "-c", "from tidegate_specs.explore.processor import reserve; print(reserve())"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
    assert mine == (allowed if chosen is None else {chosen})
    assert theirs == "None" or theirs != str(chosen)
    assert (os.sched_getaffinity(0), os.sched_getscheduler(0)) == (allowed, policy)


TWO_CONDITIONS = module(
    "two_conditions",
    """
    from threading import Condition, RLock

    class Shared:
        def __init__(self):
            lock = RLock()
            self.one, self.other = Condition(lock), Condition(lock)
            self.left = self.right = 0
            self.seen = {}

        def first(self):
            with self.one:
                self.left = 1
                self.seen["first"] = self.right

        def second(self):
            with self.other:
                self.right = 1
                self.seen["second"] = self.left
    """,
)


@pytest.mark.parametrize("reduce", [False, True])
def test_two_conditions_on_one_lock_exclude_each_other(reduce: bool) -> None:
    def outcome(shared: Any, _history: History) -> Any:
        return shared.seen["first"], shared.seen["second"]

    bodies = (lambda shared, _: shared.first(), lambda shared, _: shared.second())
    report = explore(Program("conditions", (TWO_CONDITIONS,), TWO_CONDITIONS.Shared, bodies, outcome=outcome), reduce=reduce)
    assert report.exhausted
    assert set(report.outcomes) == {(0, 1), (1, 0)}


def test_whoever_uses_a_condition_touches_its_lock() -> None:
    lock = simulated.SimulatedRLock()
    one, other = simulated.SimulatedCondition(lock), simulated.SimulatedCondition(lock)
    assert {base for base, _, _ in touched(one)} & {base for base, _, _ in touched(other)} == {id(lock)}
