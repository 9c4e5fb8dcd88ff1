"""What is kept, for how long, and what it costs (MEMORY-1, STABLE-1, FIXED-1, QUIET-1)."""

import gc
import logging
import os
import subprocess
import sys
import warnings
import weakref
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

import tidegate
from tidegate import Empty, Intake, Outcome

FEW_BLOCKS = 100
REJECTIONS = 50_000  # each 24th yields the processor, and beside busy processes a yield takes milliseconds


class Item:
    pass


def blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def filled(capacity: int, *items: Any) -> Intake[Any]:
    intake: Intake[Any] = Intake(capacity)
    for item in items:
        assert intake.offer(item) is Outcome.ACCEPTED
    return intake


@pytest.mark.parametrize("closed", [False, True], ids=["full", "closed"])
def test_many_rejections_leave_nothing(closed: bool) -> None:
    intake = filled(1, "held")
    if closed:
        intake.close()
    offer, item = intake.offer, Item()
    references = sys.getrefcount(item)
    offer(item)
    before, collections = blocks(), [generation["collections"] for generation in gc.get_stats()]
    for _ in repeat(None, REJECTIONS):
        offer(item)
    assert [generation["collections"] for generation in gc.get_stats()] == collections
    assert blocks() - before < FEW_BLOCKS
    assert sys.getrefcount(item) == references
    statistics = intake.statistics()
    assert (statistics.closed if closed else statistics.full) == REJECTIONS + 1


def test_timed_out_takes_leave_nothing() -> None:
    intake: Intake[Any] = Intake(4)

    def wait(timeout_s: float) -> None:
        with suppress(Empty):
            intake.take(timeout=timeout_s)

    wait(0)
    before = blocks()
    for number in range(20_000):
        wait(0 if number % 1000 else 0.0001)
    assert blocks() - before < FEW_BLOCKS


def test_work_leaves_nothing() -> None:
    intake: Intake[Any] = Intake(4)

    def work(rounds: int) -> None:
        for number in range(rounds):
            intake.offer(number)
            lease = intake.take(timeout=0)
            if number % 3:
                lease.release()
            elif number % 2:
                _ = lease.item
            del lease
            intake.statistics()
            while intake.statistics().queued:
                intake.take(timeout=0).release()

    work(100)
    before = blocks()
    work(20_000)
    assert blocks() - before < FEW_BLOCKS


@pytest.mark.parametrize("ending", ["release", "drop", "drop unseen"])
def test_an_intake_at_rest_keeps_no_more_than_a_new_one(ending: str) -> None:
    intake = filled(100)
    gc.collect()
    before = len(gc.get_objects())
    for number in range(100):
        intake.offer(number)
    leases = [intake.take(timeout=0) for _ in range(100)]
    if ending == "drop unseen":
        del leases
        leases = [intake.take(timeout=0) for _ in range(100)]
    while leases:
        _ = leases[-1].item
        if ending == "release":
            leases[-1].release()
        leases.pop()
    gc.collect()
    assert intake.statistics().free == 100
    assert len(gc.get_objects()) - before < 10


def test_items_die_at_once() -> None:
    gc.disable()
    try:
        intake = filled(3, *(Item() for _ in range(3)))
        rejected = Item()
        watched = [weakref.ref(rejected)]
        intake.offer(rejected)
        del rejected
        for ending in ("release", "drop", "with"):
            lease = intake.take(timeout=0)
            watched.append(weakref.ref(lease.item))
            if ending == "release":
                lease.release()
            elif ending == "with":
                with lease:
                    pass
            del lease
        late = Item()
        watched.append(weakref.ref(late))
        intake.close()
        intake.offer(late)
        del late
        assert [ref() for ref in watched] == [None] * 5
    finally:
        gc.enable()


def test_an_intake_dies_with_everything_in_it() -> None:
    gc.disable()
    try:
        items = [Item() for _ in range(2)]
        watched: list[Any] = [weakref.ref(item) for item in items]
        intake = filled(3, *items)
        watched.append(weakref.ref(intake))
        lease = intake.take(timeout=0)
        del items, intake, lease
        assert [ref() for ref in watched] == [None] * 3
    finally:
        gc.enable()


def test_an_intake_holds_no_more_than_200_bytes_a_slot() -> None:
    script = """
import tracemalloc
from tidegate import Intake
Intake(10)
tracemalloc.start()
intake = Intake(100_000)
empty = tracemalloc.get_traced_memory()[0]
for _ in range(100_000):
    intake.offer(None)
print(max(empty, tracemalloc.get_traced_memory()[0]) / 100_000)
"""
    assert float(run_python("-c", script).stdout) <= 200


def run_python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a fresh interpreter that finds the kernel where this one found it."""
    environment = os.environ | {"PYTHONPATH": str(Path(tidegate.__file__).parent.parent)}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=100, check=True)


def test_nothing_is_written_logged_or_warned(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.NOTSET), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        intake = filled(1, "a")
        for _ in range(100):
            assert intake.offer("b") is Outcome.FULL
        _ = intake.take(timeout=0).item
        intake.close()
        for _ in range(100):
            assert intake.offer("b") is Outcome.CLOSED
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert not caught


def test_only_the_standard_library_is_imported() -> None:
    script = (
        "import sys; before = set(sys.modules); import tidegate; print(*{n.partition('.')[0] for n in set(sys.modules) - before})"
    )
    imported = set(run_python("-S", "-c", script).stdout.split())
    assert imported - {"tidegate"} <= set(sys.stdlib_module_names)
    assert not imported & {"socket", "asyncio", "multiprocessing", "logging", "sqlite3", "subprocess", "http", "urllib"}


def test_optimisation_changes_nothing() -> None:
    here = Path(__file__).parent
    done = run_python("-c", OPTIMISED.format(here=str(here)))
    plain = done.stdout
    assert run_python("-O", "-c", OPTIMISED.format(here=str(here))).stdout == plain
    assert run_python("-OO", "-c", OPTIMISED.format(here=str(here))).stdout == plain
    assert "TypeError" in plain
    assert "ValueError" in plain


OPTIMISED = """
import copy, gc
from tidegate import Closed, Empty, Intake
said = []
def tell(call):
    try:
        said.append(repr(call()))
    except Exception as error:
        said.append(type(error).__name__)
for capacity in (None, True, 1.5, 0, -1, 10**30):
    tell(lambda: Intake(capacity))
intake = Intake(2)
for item in "abc":
    tell(lambda: intake.offer(item))
tell(lambda: copy.copy(intake))
for timeout in ("x", -1, float("nan")):
    tell(lambda: intake.take(timeout=timeout))
lease = intake.take()
tell(lambda: lease.item)
tell(lease.release)
tell(lease.release)
tell(lambda: lease.item)
tell(lambda: intake.take(timeout=0).item)
tell(lambda: intake.take(timeout=0))
tell(lambda: intake.drain(timeout=0))
tell(lambda: intake.offer("late"))
tell(intake.take)
tell(intake.statistics)
print(said)
"""
