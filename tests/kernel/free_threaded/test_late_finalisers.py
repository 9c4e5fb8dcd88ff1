"""Where CPython runs a finaliser late: who leans on one, and who does not.

On a free-threaded build an object dies in the thread that made it. So here one thread makes the intakes, and between two of them it
sleeps in one call into C: whatever needs the finaliser of a token that it made has to wait for it.
"""

import ctypes
import random
import signal
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from queue import SimpleQueue
from types import CodeType, FrameType
from typing import Any

import pytest

from tidegate import Intake, Lease, Outcome
from tidegate_specs.builds import FREE_THREADED, gil_is_on

LATE = pytest.mark.skipif(not FREE_THREADED, reason="needs a free-threaded build: with a GIL no finaliser runs late")
INTERRUPTIONS = 2_000 if FREE_THREADED else 200
SPIN = 300  # how long, at most, an interruption takes its time
SCRIPT = Path(__file__).with_name("dropped_lease.py")
# An exception at the first bytecode of these leaves a `with` without its lease, which is then a dropped one.
OF_WITH = {"Lease.__enter__", "Lease.__exit__", "Lease.item", "Lease.release"}


class Stop(BaseException):
    """Come from outside."""


class Sleeper:
    """A thread that makes intakes, and sleeps in between."""

    def __init__(self) -> None:
        self._wanted: SimpleQueue[bool] = SimpleQueue()
        self._made: SimpleQueue[Intake[Any]] = SimpleQueue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        while self._wanted.get():
            self._made.put(Intake(1))

    def intake(self) -> Intake[Any]:
        """Have an intake made. The sleeper runs for a moment, and then sleeps until it is asked again."""
        self._wanted.put(True)
        return self._made.get()

    def wake(self) -> None:
        """Let the thread run to its end."""
        self._wanted.put(False)
        self._thread.join()


@pytest.fixture
def sleeper() -> Generator[Sleeper]:
    made = Sleeper()
    yield made
    made.wake()


def taken(intake: Intake[Any]) -> list[Lease[Any]]:
    assert intake.offer("work") is Outcome.ACCEPTED
    box = [intake.take()]
    assert box[0].item == "work"
    return box


def test_the_script_shows_it() -> None:
    shown = subprocess.run([sys.executable, str(SCRIPT), "0.5"], capture_output=True, text=True, timeout=60, check=True).stdout
    words = [line.split() for line in shown.splitlines()[1:]]
    gone_s = {line[0].rstrip(":"): float(line[-2]) for line in words}
    assert [*gone_s] == ["dropped", "dropped_unseen", "released", "left_with"]
    late = {name for name, seconds in gone_s.items() if seconds > 0.25}
    assert late == ({"dropped", "dropped_unseen"} if not gil_is_on() else set())


@LATE
def test_a_dropped_lease_gives_its_slot_back_when_the_maker_wakes() -> None:
    sleeper = Sleeper()
    intake = sleeper.intake()
    taken(intake).clear()
    assert intake.statistics().in_flight == 1
    assert intake.offer("more") is Outcome.FULL
    sleeper.wake()
    assert (intake.statistics().free, intake.statistics().abandoned) == (1, 1)
    assert intake.offer("more") is Outcome.ACCEPTED


@LATE
def test_a_lease_dropped_unseen_puts_its_item_back_when_the_maker_wakes() -> None:
    sleeper = Sleeper()
    intake = sleeper.intake()
    intake.offer("work")
    intake.take()
    assert intake.statistics().in_flight == 1
    sleeper.wake()
    assert intake.statistics().queued == 1
    assert intake.take(timeout=0).item == "work"


def test_a_maker_that_has_ended_delays_nothing() -> None:
    sleeper = Sleeper()
    intake = sleeper.intake()
    sleeper.wake()
    taken(intake).clear()
    assert (intake.statistics().free, intake.statistics().abandoned) == (1, 1)


def test_release_and_with_lean_on_no_finaliser(sleeper: Sleeper) -> None:
    for _ in range(200):
        intake = sleeper.intake()
        taken(intake)[0].release()
        assert (intake.statistics().free, intake.statistics().released) == (1, 1)
        intake.offer("work")
        with intake.take() as item:
            assert item == "work"
        assert (intake.statistics().free, intake.statistics().released) == (1, 2)
        intake.offer("work")
        with pytest.raises(ArithmeticError), intake.take():
            raise ArithmeticError
        assert (intake.statistics().free, intake.statistics().released) == (1, 3)


# An interruption for each who asks: the asker goes on working until it comes.

Work = Callable[[Intake[Any], list[Lease[Any]]], None]


def with_polls(intake: Intake[Any], box: list[Lease[Any]]) -> None:
    while True:
        intake.offer("work")
        box[:] = [intake.take(timeout=0)]
        box[0].release()


def with_waits(intake: Intake[Any], box: list[Lease[Any]]) -> None:
    while True:
        intake.offer("work")
        box[:] = [intake.take()]
        box[0].release()


def with_blocks(intake: Intake[Any], _box: list[Lease[Any]]) -> None:
    while True:
        intake.offer("work")
        with intake.take():
            pass


def code_of(step: tuple[FrameType, int]) -> CodeType:
    return step[0].f_code


def hit(work: Work, sleeper: Sleeper, ask: Callable[[], None]) -> tuple[str, Intake[Any]]:
    """Work until the interruption comes; let go of what the caller holds then. Give the function that it came in."""
    intake = sleeper.intake()
    box: list[Lease[Any]] = []
    where = ""
    try:
        ask()
        work(intake, box)
    except Stop as stop:
        where = [code for code in map(code_of, traceback.walk_tb(stop.__traceback__)) if code.co_name != "handle"][-1].co_qualname
    for lease in box:
        lease.release()
    if intake.statistics().queued:  # the interrupted offer was accepted, or the interrupted take was not
        intake.take(timeout=0).release()
    return where, intake


def is_whole(intake: Intake[Any]) -> bool:
    """Tell whether the slot is home, and the ledger exact."""
    found = intake.statistics()
    return len(intake._slots.free) == found.free == 1 and found.accepted == found.released + found.abandoned


def interrupt(work: Work, sleeper: Sleeper, ask: Callable[[], None], wrong: Counter[str], hits: Counter[str]) -> None:
    for _ in range(INTERRUPTIONS):
        where, intake = hit(work, sleeper, ask)
        hits[where] += 1
        wrong[where] += not is_whole(intake)


def fire(asked: "SimpleQueue[int]", raise_in: Callable[[int], Any]) -> None:
    chance = random.Random(0)
    while thread := asked.get():
        for _ in range(chance.randrange(SPIN)):
            pass
        raise_in(thread)


def raise_by_api(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Stop))


def raise_by_signal(thread: int) -> None:
    signal.pthread_kill(thread, signal.SIGUSR1)


def by_other_threads(work: Work, sleeper: Sleeper) -> tuple[Counter[str], Counter[str]]:
    """Interrupt a thread by PyThreadState_SetAsyncExc, again and again."""
    asked: SimpleQueue[int] = SimpleQueue()
    wrong, hits = Counter[str](), Counter[str]()

    def ask() -> None:
        asked.put(threading.get_ident())

    worker = threading.Thread(target=interrupt, args=(work, sleeper, ask, wrong, hits))
    worker.start()
    other = threading.Thread(target=fire, args=(asked, raise_by_api))
    other.start()
    worker.join()
    asked.put(0)
    other.join()
    return +wrong, hits


def by_signals(work: Work, sleeper: Sleeper) -> tuple[Counter[str], Counter[str]]:
    """Interrupt this thread, the main one, by a handler that raises, again and again."""
    asked: SimpleQueue[int] = SimpleQueue()
    wrong, hits = Counter[str](), Counter[str]()

    def handle(*_: Any) -> None:
        raise Stop

    def ask() -> None:
        asked.put(threading.get_ident())

    before = signal.signal(signal.SIGUSR1, handle)
    other = threading.Thread(target=fire, args=(asked, raise_by_signal))
    other.start()
    try:
        interrupt(work, sleeper, ask, wrong, hits)
    finally:
        asked.put(0)
        other.join()
        signal.signal(signal.SIGUSR1, before)
    return +wrong, hits


WAYS: list[Any] = [by_other_threads, *([by_signals] if hasattr(signal, "pthread_kill") else [])]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("work", [with_polls, with_waits])
def test_an_interrupted_call_gives_its_slot_back_at_once(work: Work, way: Any, sleeper: Sleeper) -> None:
    wrong, hits = way(work, sleeper)
    assert hits.total() == INTERRUPTIONS
    assert {"Intake.offer", "Intake.take", "Lease.release"} <= {*hits}, hits
    assert not wrong


@pytest.mark.parametrize("way", WAYS)
def test_with_is_a_dropped_lease_only_when_interrupted_as_it_begins_or_ends(way: Any, sleeper: Sleeper) -> None:
    wrong, hits = way(with_blocks, sleeper)
    assert hits.total() == INTERRUPTIONS
    assert {*wrong} <= (OF_WITH if FREE_THREADED else set())
