"""The edges of overload: what is told, when, and what an exception of the host's changes (EDGE-1)."""

import re
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from queue import SimpleQueue

import pytest

from tidegate import Intake, Outcome, Statistics
from tidegate.adapters.edges import Edge, OverloadWatch, watched

PAGE = Path(__file__).parents[3] / "kernel" / "docs" / "edges.md"
WAIT_S = 20.0


def full_intake() -> Intake[str]:
    intake: Intake[str] = Intake(1)
    assert intake.offer("held")
    return intake


def kind_and_count(edge: Edge | None) -> tuple[str, int] | None:
    return None if edge is None else (edge.kind, edge.rejected)


def test_an_episode_is_told_once_at_each_end_with_its_exact_count() -> None:
    intake = full_intake()
    watch = OverloadWatch(intake)
    assert watch.look() is None  # full, but nothing was rejected
    for _ in range(3):
        intake.offer("more")
    edge = watch.look()
    assert edge == Edge("entered", 3, intake.statistics())
    assert [watch.overloaded] == [True]
    intake.offer("more")
    assert watch.look() is None
    assert watch.look() is None  # nothing new, but every slot is held
    intake.take().release()
    assert kind_and_count(watch.look()) == ("left", 4)
    assert [watch.overloaded] == [False]
    assert watch.look() is None


def test_rejections_since_the_last_look_put_off_the_end() -> None:
    intake = full_intake()
    watch = OverloadWatch(intake)
    intake.offer("more")
    watch.look()
    intake.offer("more")
    intake.take().release()
    assert watch.look() is None  # a slot is free, but one more was rejected since
    assert kind_and_count(watch.look()) == ("left", 2)


def test_what_was_rejected_before_the_watch_is_none_of_its_business() -> None:
    intake = full_intake()
    intake.offer("more")
    watch = OverloadWatch(intake)
    assert watch.look() is None
    intake.offer("more")
    assert kind_and_count(watch.look()) == ("entered", 1)


def test_closed_is_no_overload() -> None:
    intake: Intake[str] = Intake(1)
    watch = OverloadWatch(intake)
    intake.close()
    assert intake.offer("late") is Outcome.CLOSED
    assert watch.look() is None


def test_two_watches_are_told_each() -> None:
    intake = full_intake()
    watches = [OverloadWatch(intake), OverloadWatch(intake)]
    intake.offer("more")
    assert [kind_and_count(watch.look()) for watch in watches] == [("entered", 1)] * 2


def test_a_count_that_begins_anew_as_after_a_fork_begins_a_new_account() -> None:
    class Source:
        full = 7

        def statistics(self) -> Statistics:
            return Statistics(1, 1, 0, 0, 0, self.full, 0, 0, 0, 0)

    source = Source()
    watch = OverloadWatch(source)
    source.full = 9
    assert kind_and_count(watch.look()) == ("entered", 2)
    source.full = 0
    assert watch.look() is None
    source.full = 1
    assert kind_and_count(watch.look()) == ("entered", 1)
    assert kind_and_count(watch.look()) == ("left", 1)


def test_a_look_that_raises_leaves_the_edge_to_the_next() -> None:
    class Source:
        broken = False

        def __init__(self) -> None:
            self.intake = full_intake()

        def statistics(self) -> Statistics:
            if self.broken:
                raise OSError
            return self.intake.statistics()

    source = Source()
    watch = OverloadWatch(source)
    source.intake.offer("more")
    source.broken = True
    with pytest.raises(OSError, match=r"^$"):
        watch.look()
    source.broken = False
    assert kind_and_count(watch.look()) == ("entered", 1)


def test_watched_tells_both_edges_from_a_thread_of_its_own() -> None:
    intake = full_intake()
    told: SimpleQueue[tuple[str, int, str]] = SimpleQueue()

    def tell(edge: Edge) -> None:
        told.put((edge.kind, edge.rejected, threading.current_thread().name))

    with watched(intake, tell, interval_s=0.001):
        intake.offer("more")
        assert told.get(timeout=WAIT_S) == ("entered", 1, "tidegate-edges")
        intake.take().release()
        assert told.get(timeout=WAIT_S) == ("left", 1, "tidegate-edges")
    assert told.empty()


def test_watched_ends_without_waiting_for_its_interval_and_looks_once_more() -> None:
    intake = full_intake()
    told: list[Edge] = []
    with watched(intake, told.append, interval_s=threading.TIMEOUT_MAX) as watch:
        intake.offer("more")
        assert not watch.overloaded
    assert [edge.kind for edge in told] == ["entered"]
    assert not any(thread.name == "tidegate-edges" for thread in threading.enumerate())


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("hook_is_broken", [False, True])
def test_a_callback_that_raises_loses_no_later_edge(
    error: type[BaseException], hook_is_broken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[type[BaseException]] = []

    def hook(args: threading.ExceptHookArgs) -> None:
        reported.append(args.exc_type)
        if hook_is_broken:
            raise RuntimeError

    monkeypatch.setattr(threading, "excepthook", hook)
    monkeypatch.setattr(sys, "excepthook", print)
    told: SimpleQueue[str] = SimpleQueue()

    def tell(edge: Edge) -> None:
        told.put(edge.kind)
        raise error

    intake = full_intake()
    with watched(intake, tell, interval_s=0.001):
        for _ in range(2):
            assert intake.offer("more") is Outcome.FULL
            assert told.get(timeout=WAIT_S) == "entered"
            intake.take().release()
            assert told.get(timeout=WAIT_S) == "left"
            assert intake.offer("held")
    assert reported == [error] * 4


def test_an_exception_of_the_host_leaves_no_thread_behind() -> None:
    with pytest.raises(KeyError), watched(full_intake(), print):
        raise KeyError
    assert not any(thread.name == "tidegate-edges" for thread in threading.enumerate())


@pytest.mark.parametrize("kind", [GeneratorExit, StopIteration, KeyboardInterrupt])
def test_whatever_it_is_left_by_the_last_edge_is_told_before(kind: type[BaseException]) -> None:
    told: list[str] = []
    going = threading.Event()

    def tell(edge: Edge) -> None:
        going.wait(0.05)  # never set: it takes its time
        told.append(edge.kind)

    intake, error = full_intake(), kind()

    def leave() -> None:
        with watched(intake, tell, interval_s=WAIT_S):
            intake.offer("more")
            raise error

    with pytest.raises(kind) as caught:
        leave()
    assert caught.value is error
    assert told == ["entered"]
    assert not any(thread.name == "tidegate-edges" for thread in threading.enumerate())


def test_a_generator_that_watches_tells_its_last_edge_when_it_is_closed() -> None:
    intake, told = full_intake(), list[str]()

    def users() -> Generator[None]:
        with watched(intake, lambda edge: told.append(edge.kind), interval_s=WAIT_S):
            yield

    generator = users()
    next(generator)
    intake.offer("more")
    generator.close()
    assert told == ["entered"]


def test_a_watch_that_is_dropped_ends() -> None:
    watch = watched(full_intake(), print, interval_s=0.001)
    watch.__enter__()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "tidegate-edges"]
    del watch
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_a_watch_is_used_once() -> None:
    watch = watched(full_intake(), print)
    with watch, pytest.raises(RuntimeError, match="make another"):
        watch.__enter__()
    with pytest.raises(RuntimeError, match="make another"):
        watch.__enter__()


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_what_a_broken_hook_raises_is_reported(error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[tuple[object, object]] = []

    def broken(_args: object) -> None:
        raise error

    def last(kind: type[BaseException], value: BaseException, _trace: object) -> None:
        reported.append((kind, type(value.__context__)))

    def tell(_edge: Edge) -> None:
        raise KeyError

    monkeypatch.setattr(threading, "excepthook", broken)
    monkeypatch.setattr(sys, "excepthook", last)
    intake = full_intake()
    with watched(intake, tell, interval_s=WAIT_S):
        intake.offer("more")
    assert reported == [(error, KeyError)]


@pytest.mark.parametrize("interval_s", [0, -1.0, float("nan"), float("inf")])
def test_an_interval_that_is_none_is_an_error(interval_s: float) -> None:
    with pytest.raises(ValueError, match="interval_s"), watched(full_intake(), print, interval_s=interval_s):
        pytest.fail("the watch began")


def test_the_interpreter_exits_while_a_watch_is_on() -> None:
    script = (
        "from tidegate import Intake\n"
        "from tidegate.adapters.edges import watched\n"
        "watch = watched(Intake(1), print, interval_s=3600.0)\n"
        "watch.__enter__()\n"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_the_example_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("<!-- example: edges -->\n```python\n") == 1
    example = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    run = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
