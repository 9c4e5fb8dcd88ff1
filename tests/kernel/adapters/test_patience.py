"""The executor and the async intake with patience: what has waited for too long is not run or handed out (EXECUTOR-4, ASYNC-4)."""

import asyncio
import os
import queue
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, as_completed, wait
from typing import Any

import pytest

from tidegate.adapters import _patience
from tidegate.adapters.aio import AsyncIntake
from tidegate.adapters.executor import Expired, RejectingExecutor

LIMIT_S = 20.0  # for what takes no time at all


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_patience, "monotonic", clock)
    return clock


@pytest.fixture
def executor(clock: Clock) -> Iterator[RejectingExecutor]:
    with RejectingExecutor(4, 1, patience_s=1) as executor:
        yield executor


def held(executor: RejectingExecutor) -> "queue.SimpleQueue[None]":
    """Keep the only worker busy until something is put."""
    gate: queue.SimpleQueue[None] = queue.SimpleQueue()
    begun: queue.SimpleQueue[None] = queue.SimpleQueue()

    def hold() -> None:
        begun.put(None)
        gate.get(timeout=LIMIT_S)

    executor.submit(hold)
    begun.get(timeout=LIMIT_S)
    return gate


def test_a_work_that_waited_too_long_is_not_run_and_its_future_says_why(executor: RejectingExecutor, clock: Clock) -> None:
    gate, ran = held(executor), list[str]()
    old = executor.submit(ran.append, "old")
    clock.now += 1.5
    new = executor.submit(ran.append, "new")
    gate.put(None)
    assert new.result(LIMIT_S) is None
    error = old.exception(LIMIT_S)
    assert isinstance(error, Expired)
    assert (error.waited_s, error.patience_s) == (1.5, 1)
    assert str(error) == "not run: it had waited for 1.500 seconds, and its patience is 1 seconds"
    with pytest.raises(CancelledError):  # what users of futures expect of a work that was given up
        old.result(LIMIT_S)
    assert (ran, executor.expired, old.cancelled()) == (["new"], 1, False)


def test_it_may_wait_for_exactly_its_patience(executor: RejectingExecutor, clock: Clock) -> None:
    gate = held(executor)
    future = executor.submit(int)
    clock.now += 1
    gate.put(None)
    assert future.result(LIMIT_S) == 0


def test_the_functions_of_the_standard_library_see_it_as_done(executor: RejectingExecutor, clock: Clock) -> None:
    gate = held(executor)
    futures: list[Future[Any]] = [executor.submit(int) for _ in range(3)]
    clock.now += 9
    gate.put(None)
    assert wait(futures, LIMIT_S).not_done == set()
    assert {type(future.exception()) for future in as_completed(futures, LIMIT_S)} == {Expired}


def test_a_task_that_awaits_it_is_not_cancelled_by_it(executor: RejectingExecutor, clock: Clock) -> None:
    async def ask() -> str:
        gate = held(executor)
        answer = asyncio.get_running_loop().run_in_executor(executor, int)
        clock.now += 9
        gate.put(None)
        try:
            await answer
        except Expired:
            return "told"
        return "not told"

    assert asyncio.run(ask()) == "told"


def test_a_map_raises_it(executor: RejectingExecutor, clock: Clock) -> None:
    gate = held(executor)
    results = executor.map(abs, (-1, -2))
    clock.now += 9
    gate.put(None)
    with pytest.raises(Expired):
        next(results)


def test_without_patience_no_clock_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_patience, "monotonic", None)
    with RejectingExecutor(2, 1) as executor:
        assert executor.submit(int).result(LIMIT_S) == 0
        assert executor.expired == 0
    intake: AsyncIntake[int] = AsyncIntake(1)
    assert intake.offer(3)

    async def take() -> int:
        async with intake.take() as item:
            return item

    assert asyncio.run(take()) == 3
    assert intake.expired == 0


@pytest.mark.parametrize(
    ("patience_s", "error"), [(0, ValueError), (-1, ValueError), (float("nan"), ValueError), ("1", TypeError), (True, TypeError)]
)
def test_a_bad_patience_is_refused(patience_s: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="patience_s"):
        AsyncIntake(1, patience_s=patience_s)
    with pytest.raises(error, match="patience_s"):
        RejectingExecutor(1, 1, patience_s=patience_s)


def test_a_taker_passes_by_what_waited_too_long(clock: Clock) -> None:
    told: list[str] = []
    intake: AsyncIntake[str] = AsyncIntake(3, patience_s=1, on_expired=told.append)
    for item, passes_s in (("old", 1), ("older", 1.5), ("new", 0.0)):
        assert intake.offer(item)
        clock.now += passes_s
    intake.close()

    async def take_all() -> list[str]:
        taken: list[str] = []
        async for lease in intake:
            with lease as item:
                taken.append(item)
        return taken

    assert asyncio.run(take_all()) == ["new"]
    assert (told, intake.expired) == (["old", "older"], 2)
    assert intake.statistics().released == 3


def test_what_a_callback_raises_comes_out_of_the_take_which_has_taken_nothing(clock: Clock) -> None:
    def refuse(item: str) -> None:
        raise KeyError(item)

    intake: AsyncIntake[str] = AsyncIntake(2, patience_s=1, on_expired=refuse)
    assert intake.offer("old")
    clock.now += 2
    assert intake.offer("new")

    async def take() -> str:
        async with intake.take() as item:
            return item

    with pytest.raises(KeyError, match="old"):
        asyncio.run(take())
    assert asyncio.run(take()) == "new"
    assert intake.expired == 1


def test_a_drain_is_told_of_what_expires(clock: Clock) -> None:
    intake: AsyncIntake[str] = AsyncIntake(2, patience_s=1)
    assert intake.offer("old")
    clock.now += 2

    async def end() -> None:
        draining = asyncio.ensure_future(intake.drain())
        await asyncio.sleep(0)
        assert [lease async for lease in intake] == []
        await asyncio.wait_for(draining, LIMIT_S)

    asyncio.run(end())
    assert intake.expired == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of a fork beside threads of other tests
def test_a_child_begins_with_nothing_expired_and_nothing_owed() -> None:
    patience = _patience.Patience(1.0)
    next(patience.expired)
    patience.owed[object()] = "the parent's"
    reading, writing = os.pipe()
    child = os.fork()
    if not child:  # pragma: no cover - in the child
        same = patience.here() is patience.here()
        next(patience.here().expired)
        os.write(writing, f"{patience.number()} {patience.here().owed} {same}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 99) == b"1 {} True"
    assert patience.number() == 1
    os.close(reading)
    os.close(writing)
