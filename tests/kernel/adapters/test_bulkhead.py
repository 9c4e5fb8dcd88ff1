import asyncio
import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import typing
from collections.abc import Callable, Generator
from inspect import getmembers, isclass, isfunction
from pathlib import Path
from types import FrameType
from typing import Any, cast

import pytest

from tidegate import Closed, Empty, Intake, Lease, Outcome
from tidegate.adapters import asgi, bulkhead, edges, wsgi
from tidegate.adapters.bulkhead import BUSY, Bulkhead, Rules, busy_headers, own_path

PAGE = Path(__file__).parents[3] / "kernel" / "docs" / "bulkhead.md"


def entered(bulkhead: Bulkhead) -> Lease[None]:
    lease = bulkhead.enter()
    assert not isinstance(lease, Outcome)
    return lease


def test_as_many_as_there_are_slots_get_in_and_the_next_is_refused() -> None:
    bulkhead = Bulkhead(2)
    first, second = entered(bulkhead), entered(bulkhead)
    assert bulkhead.enter() is Outcome.FULL
    assert first.release() is True
    third = entered(bulkhead)
    assert bulkhead.enter() is Outcome.FULL
    assert (second.release(), third.release(), third.release()) == (True, True, False)
    assert bulkhead.statistics().free == bulkhead.capacity == 2


def test_a_lease_is_true_and_refusals_are_false() -> None:
    bulkhead = Bulkhead(1)
    lease = bulkhead.enter()
    assert lease
    assert not bulkhead.enter()
    bulkhead.close()
    assert not bulkhead.enter()


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, GeneratorExit])
def test_leaving_gives_the_slot_back(error: type[BaseException] | None) -> None:
    bulkhead = Bulkhead(1)
    lease = entered(bulkhead)

    def work() -> None:
        with lease as nothing:
            assert nothing is None
            assert bulkhead.statistics().in_flight == 1
            if error is not None:
                raise error

    if error is None:
        work()
    else:
        with pytest.raises(error) as caught:  # and while the exception is still alive
            work()
        assert caught.type is error
    assert bulkhead.statistics().free == 1
    assert bulkhead.statistics().released == 1


def test_a_dropped_lease_gives_its_slot_back_and_leaves_nothing_in_the_queue() -> None:
    bulkhead = Bulkhead(1)
    lease: Lease[None] | None = entered(bulkhead)
    assert lease
    lease = None
    read = bulkhead.statistics()
    assert (read.free, read.queued, read.abandoned) == (1, 0, 1)
    assert bulkhead.enter()


def test_closed_is_final_and_those_inside_go_on() -> None:
    bulkhead = Bulkhead(2)
    lease = entered(bulkhead)
    bulkhead.close()
    bulkhead.close()
    assert bulkhead.enter() is Outcome.CLOSED
    assert bulkhead.drain(timeout=0) == 1
    with lease:
        pass
    assert bulkhead.drain() == 0
    assert bulkhead.enter() is Outcome.CLOSED


def test_drain_waits_for_the_last_one() -> None:
    bulkhead = Bulkhead(1)
    lease = entered(bulkhead)
    left: list[int] = []
    waiting = threading.Thread(target=lambda: left.append(bulkhead.drain(timeout=30)))
    waiting.start()
    lease.release()
    waiting.join(timeout=30)
    assert left == [0]


@pytest.mark.parametrize("capacity", [0, -1, True, 1.0, "1", None])
def test_a_bad_capacity_is_refused(capacity: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="capacity"):
        Bulkhead(capacity)


@pytest.mark.parametrize("timeout", [-1, "1", float("nan")])
def test_a_bad_timeout_is_refused(timeout: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="timeout"):
        Bulkhead(1).drain(timeout=timeout)


def test_it_cannot_be_copied() -> None:
    with pytest.raises(TypeError, match="copied"):
        pickle.dumps(Bulkhead(1))


def test_it_tells_what_it_is() -> None:
    assert repr(Bulkhead(3)) == "<tidegate.Bulkhead of <tidegate.Intake open, 3 of 3 free>>"


class Cut:
    """Stand between a bulkhead and its intake, and raise where told, once: after an offer, before a take, or after it."""

    def __init__(self, bulkhead: Bulkhead, where: str, error: BaseException | None = None) -> None:
        self.intake: Intake[None] = bulkhead._intake
        self.where = where
        self.error = error or KeyboardInterrupt()
        self.looks = 0
        self.before_take: Callable[[], object] = lambda: None
        cast(Any, bulkhead)._intake = self

    def _raise_at(self, where: str) -> None:
        if self.where == where:
            self.where = ""
            raise self.error

    def offer(self, item: None) -> Outcome:
        outcome = self.intake.offer(item)
        self._raise_at("offered")
        return outcome

    def take(self, timeout: float | None) -> Any:
        self._raise_at("before take")
        self.looks += 1
        before_take, self.before_take = self.before_take, lambda: None
        before_take()
        if self.where == "taken":
            self.intake.take(timeout)  # dropped: its item goes back
        self._raise_at("taken")
        return self.intake.take(timeout)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.intake, name)


@pytest.mark.parametrize("where", ["offered", "before take", "taken"])
@pytest.mark.parametrize("capacity", [1, 2])
def test_what_an_interrupted_entry_leaves_behind_is_found_by_the_next_refusal(where: str, capacity: int) -> None:
    bulkhead = Bulkhead(capacity)
    cut = Cut(bulkhead, where)
    with pytest.raises(KeyboardInterrupt) as caught:
        bulkhead.enter()
    assert caught.type is KeyboardInterrupt  # still alive, and its frames with it
    assert bulkhead.statistics().queued == 1
    leases = [entered(bulkhead) for _ in range(capacity)]  # the last one is refused by the intake, and looks
    assert bulkhead.enter() is Outcome.FULL
    assert cut.looks >= capacity
    for lease in leases:
        lease.release()
    assert bulkhead.statistics().free == capacity


def test_several_left_behind_are_all_found() -> None:
    bulkhead = Bulkhead(3)
    cut = Cut(bulkhead, "")
    for _ in range(3):
        cut.where = "offered"
        with pytest.raises(KeyboardInterrupt):
            bulkhead.enter()
    leases = [entered(bulkhead) for _ in range(3)]
    assert bulkhead.enter() is Outcome.FULL
    assert len(leases) == 3


def test_without_an_interruption_a_refusal_does_not_look() -> None:
    bulkhead = Bulkhead(1)
    cut = Cut(bulkhead, "")
    lease = entered(bulkhead)
    assert cut.looks == 1
    assert bulkhead.enter() is Outcome.FULL
    assert cut.looks == 1
    lease.release()


def test_a_caller_whose_item_another_took_offers_again() -> None:
    bulkhead = Bulkhead(1)
    cut = Cut(bulkhead, "")
    cut.before_take = lambda: cut.intake.take(timeout=0).release()
    assert bulkhead.enter()


def test_a_caller_whose_item_a_close_took_is_told_closed() -> None:
    bulkhead = Bulkhead(1)
    cut = Cut(bulkhead, "")
    cut.before_take = bulkhead.close
    assert bulkhead.enter() is Outcome.CLOSED
    assert bulkhead.drain(timeout=0) == 0


def test_close_frees_what_was_left_behind() -> None:
    bulkhead = Bulkhead(1)
    Cut(bulkhead, "offered")
    with pytest.raises(KeyboardInterrupt):
        bulkhead.enter()
    assert bulkhead.drain(timeout=0) == 0


def test_an_entry_that_is_interrupted_after_close_leaves_nothing_behind() -> None:
    bulkhead = Bulkhead(1)
    cut = Cut(bulkhead, "taken")

    def close_and_leave_the_item() -> None:
        bulkhead._closed = True  # as `close` does first
        cut.intake.close()

    cut.before_take = close_and_leave_the_item
    with pytest.raises(KeyboardInterrupt):
        bulkhead.enter()
    assert cut.intake.drain(timeout=0) == 0


def test_the_traceback_of_an_interrupted_entry_is_kept() -> None:
    bulkhead = Bulkhead(1)
    Cut(bulkhead, "before take")
    with pytest.raises(KeyboardInterrupt) as caught:
        bulkhead.enter()
    assert [entry.name for entry in caught.traceback][-2:] == ["take", "_raise_at"]


# In somebody else's process.


@pytest.mark.parametrize("kind", [Empty, Closed, queue.Empty, IndexError, StopIteration, GeneratorExit])
@pytest.mark.parametrize("where", ["offered", "before take", "taken"])
@pytest.mark.parametrize("refused", [False, True])
def test_an_exception_of_a_type_that_is_an_answer_elsewhere_comes_out(kind: type[BaseException], where: str, refused: bool) -> None:
    bulkhead = Bulkhead(1)
    if refused:  # and looks into the queue, as an entry was interrupted before
        Cut(bulkhead, "offered")
        with pytest.raises(KeyboardInterrupt):
            bulkhead.enter()
        cast(Any, bulkhead)._intake = cast(Any, bulkhead)._intake.intake
    error = kind()
    Cut(bulkhead, where, error)
    with pytest.raises(kind) as caught:
        bulkhead.enter()
    assert caught.value is error
    entered(bulkhead).release()
    assert bulkhead.drain(timeout=0) == 0


@pytest.mark.parametrize("kind", [Empty, Closed])
def test_a_close_that_a_foreign_answer_interrupts_says_so(kind: type[BaseException]) -> None:
    bulkhead = Bulkhead(1)
    cut = Cut(bulkhead, "before take", kind())
    with pytest.raises(kind):
        bulkhead.close()
    cast(Any, bulkhead)._intake = cut.intake
    assert bulkhead.drain(timeout=0) == 0


def test_an_interrupted_entry_leaves_the_frames_and_generators_of_others_alone() -> None:
    bulkhead = Bulkhead(1)
    closed: list[str] = []

    def users() -> Generator[str]:
        try:
            try:
                yield "begun"
            except ZeroDivisionError:
                yield "stands still, and is in the traceback"
            yield "alive"
        finally:
            closed.append("closed")

    error, generator = ZeroDivisionError(), users()
    next(generator)
    generator.throw(error)

    def handler() -> None:
        shown_in_the_error_report = 1
        assert shown_in_the_error_report
        raise error

    cut = Cut(bulkhead, "")
    cut.before_take = handler
    with pytest.raises(ZeroDivisionError) as caught:
        bulkhead.enter()
    assert next(generator) == "alive"
    assert closed == []
    assert any("shown_in_the_error_report" in entry.frame.f_locals for entry in caught.traceback)
    entered(bulkhead).release()


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there is no such signal here")
def test_a_signal_handler_may_enter_leave_close_and_look() -> None:
    bulkhead = Bulkhead(2)
    answers: list[Any] = []

    def handler(_number: int, _frame: FrameType | None) -> None:
        with entered(bulkhead):
            answers.append(bulkhead.enter())  # two inside: one is the interrupted frame's
        bulkhead.close()
        answers.extend((bulkhead.statistics().in_flight, bulkhead.drain(timeout=0), bulkhead.enter()))

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with entered(bulkhead):
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert answers == [Outcome.FULL, 1, 1, Outcome.CLOSED]
    assert bulkhead.drain(timeout=0) == 0


if hasattr(os, "fork"):

    def test_nobody_is_inside_in_a_child(in_child: Callable[[Callable[[], bool]], bool]) -> None:
        bulkhead, closed = Bulkhead(2), Bulkhead(1)
        lease = entered(bulkhead)
        closed.close()

        def check() -> bool:
            free = bulkhead.statistics().free
            inside = [bulkhead.enter() for _ in range(3)]
            lease.release()  # the parent's: it frees nothing here
            answers = (free, [bool(one) for one in inside], bulkhead.enter(), closed.enter())
            return answers == (2, [True, True, False], Outcome.FULL, Outcome.CLOSED) and bulkhead.drain(timeout=0) == 2

        assert in_child(check)
        assert lease.release() is True
        assert bulkhead.statistics().free == 2


GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent
from tidegate import Outcome
from tidegate.adapters.asgi import AdmissionMiddleware as Asgi
from tidegate.adapters.bulkhead import Bulkhead
from tidegate.adapters.edges import watched
from tidegate.adapters.wsgi import AdmissionMiddleware

bulkhead = Bulkhead(2)
told = []

def application(environ, start_response):
    gevent.sleep(0.02)
    start_response("200 OK", [])
    return [b"x"]

app = AdmissionMiddleware(application, bulkhead)

def request():
    statuses = []
    body = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda status, headers: statuses.append(status[:3]))
    b"".join(body)
    return statuses[0]

with watched(bulkhead, lambda edge: told.append(edge.kind), interval_s=0.001):
    requests = [gevent.spawn(request) for _ in range(5)]
    gevent.joinall(requests, timeout=20)
    gevent.sleep(0.02)
assert sorted(one.value for one in requests) == ["200", "200", "503", "503", "503"], [one.value for one in requests]
assert told == ["entered", "left"], told

lease = bulkhead.enter()
gevent.spawn_later(0.01, lease.release)
assert bulkhead.drain(timeout=20) == 0  # the greenlet inside goes on meanwhile
assert bulkhead.enter() is Outcome.CLOSED
print("done")
"""


def test_it_works_under_gevent() -> None:
    pytest.importorskip("gevent")
    run = subprocess.run([sys.executable, "-c", GEVENT], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")


def test_a_drain_by_looking_is_right_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    bulkhead = Bulkhead(1)
    lease = entered(bulkhead)
    slept: list[float] = []

    def patched(seconds: float) -> None:  # as gevent's: no C function
        slept.append(seconds)
        if len(slept) == 8:
            lease.release()

    monkeypatch.setattr(time, "sleep", patched)
    assert bulkhead.drain() == 0
    assert slept == [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.05, 0.05]
    assert Bulkhead(1).drain(timeout=0) == 0
    other = Bulkhead(1)
    lease = entered(other)
    assert other.drain(timeout=0) == 1


# A drain in an event loop.


def test_a_drain_in_an_event_loop_lets_it_go_on() -> None:
    bulkhead = Bulkhead(2)

    async def visit(turns: int) -> None:
        with entered(bulkhead):
            for _ in range(turns):
                await asyncio.sleep(0.001)

    async def main() -> int:
        visits = [asyncio.ensure_future(visit(turns)) for turns in (2, 8)]
        await asyncio.sleep(0)
        left = await asyncio.wait_for(bulkhead.drain_async(timeout=60), 30)
        assert bulkhead.enter() is Outcome.CLOSED
        await asyncio.gather(*visits)
        return left

    assert asyncio.run(main()) == 0


def test_a_drain_in_an_event_loop_tells_who_is_left_at_its_deadline_and_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    bulkhead = Bulkhead(2)
    first, second = entered(bulkhead), entered(bulkhead)
    real, slept = asyncio.sleep, list[float]()

    async def counted(delay: float) -> None:
        slept.append(delay)
        await real(delay)

    monkeypatch.setattr(asyncio, "sleep", counted)
    assert asyncio.run(bulkhead.drain_async(timeout=0.3)) == 2
    assert 1 <= len(slept) <= 6 + 6  # 63 ms in six steps, and the rest in steps of 50
    slept.clear()
    assert asyncio.run(bulkhead.drain_async(timeout=0)) == 2
    first.release()
    second.release()
    assert asyncio.run(bulkhead.drain_async()) == 0
    assert slept == []


def test_a_cancelled_drain_leaves_nothing_behind() -> None:
    bulkhead = Bulkhead(1)
    lease = entered(bulkhead)

    async def main() -> None:
        threads = threading.active_count()
        task = asyncio.ensure_future(bulkhead.drain_async())
        await asyncio.sleep(0.003)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (threading.active_count(), asyncio.all_tasks()) == (threads, {asyncio.current_task()})

    asyncio.run(main())
    assert bulkhead.enter() is Outcome.CLOSED
    lease.release()
    assert bulkhead.drain(timeout=0) == 0


@pytest.mark.parametrize("timeout", [-1, "1", float("nan"), True])
def test_a_bad_timeout_is_refused_in_an_event_loop_too(timeout: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="timeout"):
        asyncio.run(Bulkhead(1).drain_async(timeout))


def test_a_drain_in_trio() -> None:
    trio = pytest.importorskip("trio")
    bulkhead, late = Bulkhead(1), Bulkhead(1)
    lease = entered(late)

    async def visit(task_status: Any) -> None:
        with entered(bulkhead):
            task_status.started()
            await trio.sleep(0.003)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(visit)
            assert await bulkhead.drain_async(timeout=30) == 0
        with trio.move_on_after(0.003) as scope:
            await late.drain_async()
        assert scope.cancelled_caught

    trio.run(main)
    assert late.enter() is Outcome.CLOSED
    lease.release()


# Annotations.


@pytest.mark.parametrize("module", [bulkhead, asgi, wsgi, edges], ids=lambda module: module.__name__)
def test_annotations_can_be_evaluated(module: Any) -> None:
    own = [member for _, member in getmembers(module) if getattr(member, "__module__", "") == module.__name__]
    functions = [member for member in own if isfunction(member)]
    for member in filter(isclass, own):
        assert typing.get_type_hints(member) is not None
        for inner in vars(member).values():
            function = getattr(inner, "fget", inner)
            if isfunction(function):
                functions.append(function)
    assert len(functions) > 3
    for function in functions:
        assert isinstance(typing.get_type_hints(function), dict), function


CHECKED = """
import asyncio, sys
{install}
from tidegate import Outcome
from tidegate.adapters import asgi, edges, wsgi
from tidegate.adapters.bulkhead import Bulkhead

bulkhead = Bulkhead(1)
lease = bulkhead.enter()
assert bulkhead.enter() is Outcome.FULL
assert bulkhead.drain(timeout=0) == bulkhead.drain(timeout=0.0) == 1
assert asyncio.run(bulkhead.drain_async(0)) == 1
lease.release()
assert bulkhead.drain() == asyncio.run(bulkhead.drain_async()) == 0

def wsgi_app(environ, start_response):
    start_response("200 OK", [])
    return (b"x" for _ in range(2))

async def asgi_app(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200, "headers": []}})

async def nothing(*_):
    return {{}}

rules = {{"/healthz": None, "/": Bulkhead(1), "/a": Bulkhead(1)}}
app = wsgi.AdmissionMiddleware(wsgi_app, rules)
for path in ("*", "", "/a", "/healthz", "http://x/a"):
    environ = {{"REQUEST_METHOD": "GET", "PATH_INFO": path}}
    assert b"".join(app(environ, lambda status, headers: lambda piece: None)) == b"xx"
assert app.unmatched == ()
held = rules["/"].enter()
refused = app({{"REQUEST_METHOD": "GET", "PATH_INFO": "/"}}, lambda status, headers: lambda piece: None)
assert b"".join(refused).startswith(b"busy")
app = asgi.AdmissionMiddleware(asgi_app, rules, retry_after_s=2)
for path in ("*", "/a"):
    asyncio.run(app({{"type": "http", "path": path, "root_path": "/r"}}, nothing, nothing))
assert app.unmatched == ("/healthz",)
with edges.watched(bulkhead, lambda edge: None, interval_s=1) as watch:
    assert watch.look() is None and not watch.overloaded
print("done")
"""
INSTALL = {
    "typeguard": "from typeguard import install_import_hook; install_import_hook('tidegate.adapters')",
    "beartype": "from beartype.claw import beartype_package; beartype_package('tidegate.adapters')",
}


@pytest.mark.parametrize("tool", INSTALL)
def test_annotations_hold_at_run_time(tool: str) -> None:
    pytest.importorskip(tool)
    script = CHECKED.format(install=INSTALL[tool])
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")


def test_many_threads_never_exceed_the_capacity() -> None:
    bulkhead = Bulkhead(3)
    inside, most, refused = [0], [0], [0]
    lock = threading.Lock()

    def work() -> None:
        for _ in range(200):
            lease = bulkhead.enter()
            if isinstance(lease, Outcome):
                with lock:
                    refused[0] += 1
                continue
            with lease:
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                threading.Event().wait(0)  # lets others run
                with lock:
                    inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    read = bulkhead.statistics()
    assert most[0] <= 3
    assert (read.free, read.full, read.accepted, read.released) == (3, refused[0], 1600 - refused[0], 1600 - refused[0])


# Which bulkhead is a path's.


EVERY_FORM = ["/", "", "*", "a", "/a", "//a", "host:443", "http://host", "http://host/a?b", "https://host:1/", "%", "?", ".", "//"]


@pytest.mark.parametrize("path", EVERY_FORM)
@pytest.mark.parametrize("root", ["", "/", "/a", "/r", "/r/"])
def test_one_bulkhead_is_for_everything_and_so_is_the_slash(path: str, root: str) -> None:
    bulkhead = Bulkhead(1)
    for rules in (Rules(bulkhead), Rules({"/": bulkhead})):
        assert rules.bulkhead_of(path, root) is rules.bulkhead_of(root + path, root) is bulkhead


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/b", "/"),
        ("/a", "/a"),
        ("/a/", "/a"),
        ("/a/x", "/a"),
        ("/ab", "/"),
        ("/a/b", "/a/b"),
        ("/a/b/c", "/a/b"),
        ("/a/bc", "/a"),
        ("", "/"),
        ("*", "/"),
        ("//a", "/"),
        ("a", "/a"),
        ("a/b", "/a/b"),
        ("http://host/a/b?", "/a"),
        ("http://host/a/b", "/a/b"),
        ("ws://host/a", "/a"),
        ("http://host", "/"),
        ("http://host/", "/"),
        ("http:///a", "/a"),
        ("/http://host/a", "/"),
        ("://host/a", "/"),
        ("a:443", "/"),
    ],
)
def test_the_longest_prefix_that_ends_at_a_segment_is_the_one(path: str, expected: str) -> None:
    bulkheads = {prefix: Bulkhead(1) for prefix in ("/a", "/", "/a/b")}
    assert Rules(bulkheads).bulkhead_of(path) is bulkheads[expected]


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/a", "", "/a"),
        ("/r/a", "/r", "/a"),  # the whole path, as uvicorn and mounts of Starlette tell it
        ("/a", "/r", "/a"),  # the rest, as hypercorn, daphne and granian tell it behind a proxy that takes the root away
        ("/r/r/a", "/r", "/r/a"),  # taken away once
        ("/r", "/r", "/"),
        ("/r/", "/r", "/"),
        ("/ra", "/r", "/ra"),  # a root that is the beginning of a segment
        ("/reports", "/r", "/reports"),
        ("/r/reports", "/r", "/reports"),
        ("/r//a", "/r", "//a"),
        ("/r/a", "/r/", "/a"),
        ("/r//a", "/r/", "/a"),  # uvicorn, of a root that ends in a slash
        ("//a", "/", "/a"),
        ("/a", "/", "/a"),
        ("/r*", "/r", "/r*"),  # uvicorn, of `OPTIONS *`
        ("/rhttp://host/a", "/r", "/a"),  # uvicorn, of an absolute target
        ("http://host/r/a", "/r", "/a"),
        ("http://host/a", "/r", "/a"),
        ("/r/s/a", "/r/s", "/a"),
        ("", "/r", "/"),
    ],
)
def test_paths_are_relative_to_the_root(path: str, root: str, expected: str) -> None:
    assert own_path(path, root) == expected


def test_what_is_not_limited() -> None:
    everything, inner = Bulkhead(1), Bulkhead(1)
    rules = Rules({"/healthz": None, "/": everything, "/healthz/deep": inner})
    assert rules.bulkhead_of("/healthz") is rules.bulkhead_of("/healthz/live") is rules.bulkhead_of("/r/healthz", "/r") is None
    assert rules.bulkhead_of("/healthz/deep") is inner
    for path in ("/healthzx", "//healthz", "/healthz/..", "/healthz/../a", "/healthz/./a", "/healthz//../a", "*"):
        assert rules.bulkhead_of(path) is everything, path
    assert Rules({"/.well-known": None, "/": everything}).bulkhead_of("/.well-known/x") is None


def test_a_rule_that_never_matched_can_be_asked_for() -> None:
    rules = Rules({"/": Bulkhead(1), "/a": Bulkhead(1), "/a/b/": None, "/nowhere": Bulkhead(1)})
    assert set(rules.unmatched) == {"/", "/a", "/a/b/", "/nowhere"}
    rules.bulkhead_of("/a/x")
    assert set(rules.unmatched) == {"/", "/a/b/", "/nowhere"}
    rules.bulkhead_of("/a/b")
    rules.bulkhead_of("*")
    assert rules.unmatched == ("/nowhere",)
    assert Rules(Bulkhead(1)).unmatched == ("/",)


def test_a_slash_at_the_end_of_a_prefix_makes_no_difference() -> None:
    bulkhead = Bulkhead(1)
    rules = Rules({"/a/": bulkhead})
    assert rules.bulkhead_of("/a") is rules.bulkhead_of("/a/x") is bulkhead
    assert rules.bulkhead_of("/b") is rules.bulkhead_of("/ab") is None
    assert Rules({"/a": bulkhead, "/a/": bulkhead}).bulkhead_of("/a") is bulkhead


def test_the_mapping_is_read_once() -> None:
    bulkheads = {"/a": Bulkhead(1)}
    rules = Rules(bulkheads)
    bulkheads.clear()
    assert rules.bulkhead_of("/a")


def test_bad_prefixes_are_refused() -> None:
    with pytest.raises(ValueError, match="must begin with '/'"):
        Rules({"a": Bulkhead(1)})
    with pytest.raises(ValueError, match="must begin with '/'"):
        Rules({"": Bulkhead(1)})
    with pytest.raises(ValueError, match="two bulkheads for '/a/'"):
        Rules({"/a": Bulkhead(1), "/a/": Bulkhead(1)})
    with pytest.raises(ValueError, match="two bulkheads for '/a/'"):
        Rules({"/a": Bulkhead(1), "/a/": None})
    with pytest.raises(TypeError, match="must lead to a Bulkhead or to None, not int"):
        Rules(cast(Any, {"/a": 1}))
    with pytest.raises(TypeError):
        Rules(cast(Any, 1))


def test_the_headers_of_a_refusal() -> None:
    headers = dict(busy_headers(5))
    assert headers == {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(BUSY)), "Retry-After": "5"}
    assert dict(busy_headers(0))["Retry-After"] == "0"


@pytest.mark.parametrize("seconds", [-1, 1.5, True, "1", None])
def test_a_bad_number_of_seconds_is_refused(seconds: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="retry_after_s"):
        busy_headers(seconds)


def test_the_example_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("<!-- example: bulkhead -->\n```python\n") == 1
    example = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    run = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
