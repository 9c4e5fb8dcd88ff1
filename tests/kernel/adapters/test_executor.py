"""The executor: what `concurrent.futures` promises of one, what the bound adds, and how each kind of work, worker and program ends.

The first parts say in our words what CPython's own tests of executors say (test_concurrent_futures: executor, test_thread_pool,
test_shutdown, test_init, test_wait, test_as_completed). Not taken over, as they say nothing of this executor: the default number of
workers and the reuse of idle threads (there is no default, and all are started at once); the process pool's tests, its pickling,
contexts and crashes; test_future, and the messages and arguments of `wait` and `as_completed` (the standard library's own code runs
there); the log record of a failing initializer (its exception is the cause of `BrokenThreadPool` instead); the private fields
`_threads`, `_max_workers` and `_broken`.
"""

import asyncio
import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, CancelledError, Executor, Future, as_completed, wait
from concurrent.futures.thread import BrokenThreadPool
from contextlib import closing, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from types import CodeType, FunctionType
from typing import Any, cast, get_type_hints
from unittest.mock import patch

import pytest

import tidegate
import tidegate.adapters.executor as executor_module
from tidegate import Outcome
from tidegate.adapters import _exit, _works
from tidegate.adapters.executor import Rejected, RejectingExecutor
from tidegate_specs.adapters.support import injector_of
from tidegate_specs.builds import FREE_THREADED

SOON_S = 20.0  # for what takes no time unless it never happens


class Gate:
    """A work that says when it has started, and goes on when it is let go."""

    def __init__(self) -> None:
        self.started: SimpleQueue[object] = SimpleQueue()
        self.open = threading.Event()

    def __call__(self, answer: Any = None) -> Any:
        self.started.put(answer)
        assert self.open.wait(5 * SOON_S)  # longer than a test takes, however busy the machine is
        return answer

    def await_start(self) -> object:
        return self.started.get(timeout=SOON_S)


@contextmanager
def executor_of(capacity: int, workers: int, **options: Any) -> Generator[RejectingExecutor]:
    """Give an executor, and see at the end that its workers ended and every slot came back."""
    executor = RejectingExecutor(capacity, workers, **options)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False)
        end_of(executor)
    statistics = executor.statistics()
    assert (statistics.free, statistics.queued) == (capacity, 0)


@contextmanager
def busy(capacity: int, workers: int) -> Generator[tuple[RejectingExecutor, Gate, list[Future[Any]]]]:
    """Give an executor whose workers all run works that wait at the gate."""
    gate = Gate()
    with executor_of(capacity, workers) as executor:
        try:
            running = [executor.submit(gate, number) for number in range(workers)]
            for _ in running:
                gate.await_start()
            yield executor, gate, running
        finally:
            gate.open.set()


def end_of(executor: RejectingExecutor) -> None:
    """Wait for the workers to end."""
    for thread in executor._threads:
        thread.join(SOON_S)
        assert not thread.is_alive()


class Thing:
    @classmethod
    def numbered(cls, _number: int) -> "Thing":
        return cls()

    def method(self) -> None:
        pass


def multiply(x: int, y: int) -> int:
    return x * y


def fail(error: BaseException) -> None:
    raise error


def run_program(text: str, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", *options, "-c", text]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# As any executor


def test_it_is_an_executor() -> None:
    with executor_of(2, 1) as executor:
        assert isinstance(executor, Executor)
        assert executor.submit(pow, 2, 8).result(SOON_S) == 256


def test_keywords_reach_the_function_whatever_their_names() -> None:
    def capture(*args: object, **kwargs: object) -> tuple[object, object]:
        return args, kwargs

    with executor_of(2, 1) as executor:
        assert executor.submit(multiply, 2, y=8).result(SOON_S) == 16
        assert executor.submit(capture, 1, self=2, fn=3).result(SOON_S) == ((1,), {"self": 2, "fn": 3})
        assert executor.submit(capture, func=1, args=2).result(SOON_S) == ((), {"func": 1, "args": 2})
        # Wrong calls on purpose: the type checkers are right about both.
        with pytest.raises(TypeError):
            executor.submit(fn=capture, arg=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        with pytest.raises(TypeError):
            executor.submit(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert executor.statistics().free == 2


def test_map_gives_results_in_order() -> None:
    expected = [number**number for number in range(10)]
    with executor_of(10, 3) as executor:
        assert list(executor.map(pow, range(10), range(10))) == expected
        assert list(executor.map(pow, range(10), range(10), chunksize=3)) == expected
        assert list(executor.map(multiply, range(3), range(10))) == [0, 1, 4]


def test_map_raises_where_the_work_failed() -> None:
    with executor_of(4, 2) as executor:
        results = executor.map(divmod, [1, 1, 1, 1], [2, 3, 0, 5])
        assert [next(results), next(results)] == [(0, 1), (0, 1)]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_map_submits_before_anybody_iterates() -> None:
    finished: list[int] = []
    with executor_of(10, 2) as executor:
        results = executor.map(finished.append, range(10))
    assert sorted(finished) == list(range(10))
    assert list(results) == [None] * 10


def test_map_times_out_and_cancels_the_rest() -> None:
    with busy(4, 1) as (executor, gate, running):
        log: list[str] = []
        results = cast(Generator[None], executor.map(log.append, ["second", "third"], timeout=0))
        with closing(results), pytest.raises(TimeoutError):
            next(results)
        assert executor.statistics().in_flight == 1
        gate.open.set()
        assert running[0].result(SOON_S) == 0
    assert log == []


def test_map_keeps_no_result() -> None:
    references: list[weakref.ref[Thing]] = []
    with executor_of(10, 2) as executor:
        for thing in executor.map(Thing.numbered, range(10)):
            references.append(weakref.ref(thing))
            del thing
            assert FREE_THREADED or references[-1]() is None  # without a GIL it dies in the worker that made it, which sleeps
    assert not any(reference() for reference in references)


def test_nothing_is_kept_of_a_work_that_ended() -> None:
    collected = threading.Event()
    thing = Thing()
    reference = weakref.ref(thing, lambda _: collected.set())
    with executor_of(2, 1) as executor:
        future = executor.submit(thing.method)
        del thing
        # In slices: without a GIL it is this thread that made the method and finalises it, when it runs Python code.
        assert any(collected.wait(0.02) for _ in range(1_000))
        assert reference() is None
        assert future.result(SOON_S) is None


def test_a_failed_future_is_in_no_cycle() -> None:
    with executor_of(2, 1) as executor:
        future = executor.submit(fail, ValueError("no"))
        assert isinstance(future.exception(SOON_S), ValueError)
        executor.submit(int).result(SOON_S)  # the worker has let go of the first
        reference = weakref.ref(future)
        del future
        assert reference() is None


def test_more_works_than_workers() -> None:
    lock = threading.Semaphore(0)
    with executor_of(60, 4) as executor:
        futures = [executor.submit(lock.acquire) for _ in range(60)]
        assert len(executor._threads) == 4
        for _ in futures:
            lock.release()
        assert all(future.result(SOON_S) for future in futures)


# Waiting for several


def test_wait_counts_a_future_given_twice_once() -> None:
    with executor_of(2, 1) as executor:
        future = executor.submit(int)
        assert wait([future, future], SOON_S, ALL_COMPLETED) == ({future}, set())


def test_wait_for_the_first_and_for_the_first_exception() -> None:
    with busy(6, 2) as (executor, gate, running):
        gate_2 = Gate()
        waiting = executor.submit(gate_2)
        waiting.cancel()
        assert wait([waiting, *running], SOON_S, FIRST_COMPLETED) == ({waiting}, set(running))
        gate.open.set()
        wait(running, SOON_S)
        held = executor.submit(gate_2)
        failing = executor.submit(divmod, 21, 0)
        assert wait([held, failing], SOON_S, FIRST_EXCEPTION) == ({failing}, {held})
        assert wait([held, failing], 0, ALL_COMPLETED) == ({failing}, {held})
        gate_2.open.set()
        assert wait([held, failing], SOON_S, ALL_COMPLETED) == ({held, failing}, set())


def test_as_completed_gives_those_that_ended_and_then_times_out() -> None:
    with busy(4, 1) as (executor, gate, running):
        cancelled = executor.submit(int)
        cancelled.cancel()
        completed = as_completed([*running, cancelled], timeout=0)
        assert next(completed) is cancelled
        with pytest.raises(TimeoutError):
            next(completed)
        gate.open.set()
        assert set(as_completed([*running, *running], SOON_S)) == set(running)


def test_a_waiter_is_told_of_a_cancellation_while_every_worker_is_busy() -> None:
    with busy(3, 1) as (executor, _gate, _running):
        future = executor.submit(int)
        told: SimpleQueue[Any] = SimpleQueue()
        waiter = threading.Thread(target=lambda: told.put(wait([future], SOON_S).done))
        waiter.start()
        future.cancel()
        assert told.get(timeout=SOON_S) == {future}
        waiter.join(SOON_S)


def test_futures_that_end_while_others_begin_to_wait() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        event = threading.Event()
        with executor_of(100, 5) as executor:
            futures = {executor.submit(event.wait) for _ in range(100)}
            event.set()
            assert wait(futures, SOON_S, ALL_COMPLETED).done == futures
    finally:
        sys.setswitchinterval(interval)


# Initializers


def test_each_worker_is_initialized_once() -> None:
    local = threading.local()
    count: list[str] = []

    def initialize(status: str) -> None:
        local.status = status
        count.append(status)

    with executor_of(4, 2, initializer=initialize, initargs=("ready",)) as executor:
        assert [executor.submit(lambda: local.status).result(SOON_S) for _ in range(4)] == ["ready"] * 4
    assert count == ["ready"] * 2


def test_a_failing_initializer_breaks_the_executor() -> None:
    gate = Gate()
    error = ValueError("initializer")

    def initialize() -> None:
        gate()
        raise error

    with executor_of(3, 2, initializer=initialize) as executor:
        futures = [executor.submit(int) for _ in range(3)]
        gate.open.set()
        for future in futures:
            broken = future.exception(SOON_S)
            assert isinstance(broken, BrokenThreadPool)
            assert broken.__cause__ is error
        for submit in (executor.submit, executor.try_submit):
            with pytest.raises(BrokenThreadPool) as caught:
                submit(int)
            assert caught.value.__cause__ is error
        assert executor.statistics().free == 3


def test_a_failing_initializer_leaves_a_running_work_alone() -> None:
    gate, second = Gate(), Gate()
    turns = iter((True, False))

    def initialize() -> None:
        if next(turns):
            return
        second()
        raise KeyboardInterrupt

    with executor_of(3, 2, initializer=initialize) as executor:
        running = executor.submit(gate, "done")
        gate.await_start()
        second.await_start()
        waiting = executor.submit(int)
        second.open.set()
        assert isinstance(waiting.exception(SOON_S), BrokenThreadPool)
        assert running.running()
        gate.open.set()
        assert running.result(SOON_S) == "done"


# Shutting down


def test_nothing_is_accepted_after_shutdown() -> None:
    with executor_of(2, 1) as executor:
        executor.shutdown()
        executor.shutdown()
        with pytest.raises(RuntimeError, match="shut down") as caught:
            executor.submit(pow, 2, 5)
        assert isinstance(caught.value, Rejected)
        assert caught.value.outcome is Outcome.CLOSED
        assert executor.try_submit(pow, 2, 5) is Outcome.CLOSED


def test_shutdown_finishes_what_was_accepted() -> None:
    done: list[int] = []
    with executor_of(50, 3) as executor:
        futures = [executor.submit(done.append, number) for number in range(50)]
        executor.shutdown()
        assert all(future.done() for future in futures)
    assert sorted(done) == list(range(50))


def test_shutdown_can_cancel_what_waits() -> None:
    with busy(6, 2) as (executor, gate, running):
        waiting = [executor.submit(int) for _ in range(4)]
        executor.shutdown(wait=False, cancel_futures=True)
        assert all(future.cancelled() for future in waiting)
        assert executor.statistics().free == 4
        gate.open.set()
        executor.shutdown()
        assert [future.result(0) for future in running] == [0, 1]


def test_shutdown_after_a_work_was_cancelled_ends() -> None:
    with executor_of(2, 1) as executor:
        executor.submit(int).result(SOON_S)
        executor.submit(int).cancel()
        executor.shutdown(wait=False)
        end_of(executor)


def test_leaving_the_context_waits_for_the_workers() -> None:
    with RejectingExecutor(10, 5) as executor:
        results = executor.map(abs, range(-5, 5))
    assert not any(thread.is_alive() for thread in executor._threads)
    assert list(results) == [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]


def test_a_dropped_executor_finishes_and_its_workers_end() -> None:
    executor = RejectingExecutor(10, 5)
    results = executor.map(abs, range(-5, 5))
    threads = executor._threads
    del executor
    for thread in threads:
        thread.join(SOON_S)
        assert not thread.is_alive()
    assert list(results) == [5, 4, 3, 2, 1, 0, 1, 2, 3, 4]


def test_threads_are_named() -> None:
    with executor_of(4, 3, thread_name_prefix="special") as executor:
        assert [thread.name for thread in executor._threads] == ["special_0", "special_1", "special_2"]
    with executor_of(4, 1) as executor:
        assert re.fullmatch(r"RejectingExecutor-\d+_0", executor._threads[0].name)


AT_EXIT = """
import os, time
from tidegate.adapters.executor import RejectingExecutor
def work(text):
    time.sleep(0.05)
    os.write(1, text.encode() + b" ")
executor = RejectingExecutor(4, 1)
executor.submit(work, "apple")
executor.submit(work, "pear")
{last}
"""


@pytest.mark.parametrize("last", ["", "executor.shutdown(wait=False)", "del executor", "raise SystemExit(0)"])
def test_the_interpreter_exits_after_what_was_accepted(last: str) -> None:
    done = run_program(AT_EXIT.format(last=last))
    assert (done.returncode, done.stdout, done.stderr) == (0, "apple pear ", "")


def test_the_interpreter_exits_without_what_was_cancelled() -> None:
    done = run_program(AT_EXIT.format(last="executor.shutdown(wait=False, cancel_futures=True)"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("apple ", "")  # the worker may not have begun the first


def test_a_submission_at_exit_is_refused() -> None:
    text = """
import atexit
def late():
    try:
        executor.submit(int)
    except RuntimeError as error:
        print(error.outcome)
atexit.register(late)
from tidegate.adapters.executor import RejectingExecutor
executor = RejectingExecutor(1, 1)
executor.submit(int).result()
"""
    done = run_program(text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Outcome.CLOSED\n", "")


AT_EXIT_IN_ORDER = """
import atexit, logging, multiprocessing, os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
def made_late():
    executor = RejectingExecutor(2, 1)
    os.write(1, executor.try_submit(os.write, 1, b"ran ").value.encode() + b" ")
    late = Intake(2)
    late.offer(logging.makeLogRecord({"msg": "early"}))
    try:
        RejectingListener(late, Sink()).start()
    except RuntimeError:
        os.write(1, late.offer(logging.makeLogRecord({"msg": "late"})).value.encode() + b" ")
if made_late_too:
    atexit.register(made_late)
from tidegate import Intake
from tidegate.adapters.executor import RejectingExecutor
from tidegate.adapters.log import RejectingHandler, RejectingListener
class Sink(logging.Handler):
    def emit(self, record):
        time.sleep(0.01)
        os.write(1, record.getMessage().encode() + b" ")
def work(number):
    time.sleep(0.02)
    os.write(1, b"%d " % number)
def log(number):
    time.sleep(0.02)
    logging.warning(number)
def listen():
    global listener
    records = Intake(100)
    listener = RejectingListener(records, Sink())
    listener.start()
    logging.getLogger().addHandler(RejectingHandler(records))
def works(count):
    global executor
    executor = RejectingExecutor(20, 1)
    for number in range(count):
        executor.submit(work, number)
def logging_works(count):
    executor = RejectingExecutor(20, 1)
    for number in range(count):
        executor.submit(log, number)
def records(count):
    listen()
    for number in range(count):
        logging.warning(number)
def both(count):
    listen()
    logging_works(count)
def child(target):
    process = multiprocessing.get_context("fork").Process(target=target, args=(10,))
    process.start()
    process.join()
    os.write(1, b"exit %d " % process.exitcode)
def thread():
    def late():
        threading.main_thread().join()
        time.sleep(0.05)
        logging.warning("of a thread")
        os.write(1, RejectingExecutor(1, 1).try_submit(work, 5).value.encode() + b" ")
    threading.Thread(target=late).start()
def maker():
    thread = threading.Thread(target=works, args=(3,), daemon=True)
    thread.start()
    thread.join()
def joined():
    works(1)
    executor.shutdown()
    for thread in threading.enumerate():  # as programs do: no thread of ours may be left
        if thread is not threading.main_thread():
            thread.join()
    os.write(1, b"joined ")
def starting():
    def start():
        thread = threading.Thread(target=work, args=(1,))
        thread.start()
        thread.join()
    works(1)
    executor.submit(start)
"""


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (
            "works(0); atexit.register(os.write, 1, b'after '); [executor.submit(work, n) for n in range(3)]",
            "0 1 2 after ",
        ),
        ("listen(); logging_works(3)", "0 1 2 "),
        ("logging_works(3); listen()", "0 1 2 "),
        ("listen(); atexit.register(lambda: logging.warning('bye'))", "bye "),
        ("listen(); thread()", {"of a thread ", "closed "}),
        ("maker()", "0 1 2 "),
        ("joined()", "0 joined "),
        ("made_late_too", "closed early closed "),
        ("child(works)", "0 1 2 3 4 5 6 7 8 9 exit 0 "),
        ("child(records)", "0 1 2 3 4 5 6 7 8 9 exit 0 "),
        ("child(both)", "0 1 2 3 4 5 6 7 8 9 exit 0 "),
        ("works(1); executor.shutdown(); child(works)", "0 0 1 2 3 4 5 6 7 8 9 exit 0 "),
    ],
)
def test_at_exit_all_is_finished_in_the_order_of_the_standard_library_or_refused(last: str, expected: str | set[str]) -> None:
    if "child" in last and not hasattr(os, "fork"):
        pytest.skip("there is no fork on this system")
    done = run_program(f"made_late_too = {'made_late' in last}\n{AT_EXIT_IN_ORDER}\n{last}\n")
    assert (done.returncode, done.stderr) == (0, "")
    if isinstance(expected, str):
        assert done.stdout == expected
    else:  # two threads write
        assert done.stdout in {first + second for first in expected for second in expected - {first}}


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="CPython 3.12 starts no thread once the main thread is over")
def test_a_work_may_start_threads_while_the_interpreter_exits() -> None:
    done = run_program(f"made_late_too = False\n{AT_EXIT_IN_ORDER}\nstarting()\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 1 ", "")


def test_no_thread_of_ours_is_left_when_the_last_executor_has_ended() -> None:
    text = """
import threading
from tidegate.adapters._exit import NAME
from tidegate.adapters.executor import RejectingExecutor
def ours():
    return [thread for thread in threading.enumerate() if thread.name == NAME]
for _ in range(30):
    executors = [RejectingExecutor(1, 1) for _ in range(5)]
    assert 1 <= len(ours()) <= 2  # one that ends, and one that begins
    for executor in executors:
        executor.submit(int)
        executor.shutdown()
for thread in ours():
    thread.join(20)
assert threading.active_count() == 1, threading.enumerate()
assert RejectingExecutor(1, 1).submit(abs, -1).result(20) == 1
"""
    done = run_program(text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before 3.12 a subinterpreter can't end with threads in it")
def test_in_a_subinterpreter() -> None:
    text = """
import importlib.util, os, sys
inner = f"import sys; sys.path[:] = {sys.path!r}\\n" + '''
import os, time
from tidegate.adapters.executor import RejectingExecutor
executor = RejectingExecutor(4, 1)
for number in range(3):
    executor.submit(lambda number=number: (time.sleep(0.02), os.write(1, b"%d " % number)))
'''
if importlib.util.find_spec("concurrent.interpreters"):
    from concurrent import interpreters
    interpreter = interpreters.create()
    interpreter.exec(inner)
    interpreter.close()
elif sys.version_info >= (3, 13):
    import _interpreters
    interpreter = _interpreters.create()
    assert _interpreters.exec(interpreter, inner) is None
    _interpreters.destroy(interpreter)
else:
    import _xxsubinterpreters
    interpreter = _xxsubinterpreters.create()
    _xxsubinterpreters.run_string(interpreter, inner)
    _xxsubinterpreters.destroy(interpreter)
os.write(1, b"closed")
"""
    done = run_program(text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 1 2 closed", "")


# In somebody else's process

CONTEXTS = """
import contextvars, time
from tidegate.adapters.executor import RejectingExecutor
user = contextvars.ContextVar("user", default="nobody")
user.set("maker")
found = []
executor = RejectingExecutor(8, 2, initializer=lambda: found.append(user.get()))
def submit(*call):
    return executor.submit(*call).result(20)
assert contextvars.Context().run(submit, user.get) == "nobody"
user.set("ann")
assert submit(user.get) == "ann"
bob = contextvars.copy_context()
bob.run(user.set, "bob")
assert bob.run(submit, user.get) == "bob"
for _ in range(4):
    submit(user.set, "leak")
assert user.get() == "ann"
assert [submit(user.get) for _ in range(4)] == ["ann"] * 4
assert list(bob.run(executor.map, lambda _: user.get(), range(4))) == ["bob"] * 4
executor.submit(time.sleep, 0.05).add_done_callback(lambda _: found.append(user.get()))
executor.shutdown()
assert found == ["nobody"] * 3, found
"""
INHERIT = ("-X", "thread_inherit_context=1")


@pytest.mark.parametrize("options", [(), *([INHERIT] if sys.version_info >= (3, 14) else [])])
def test_a_work_runs_in_a_copy_of_its_submitters_context(options: tuple[str, ...]) -> None:
    done = run_program(CONTEXTS, *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_error_tracker_names_the_user_who_submitted() -> None:
    pytest.importorskip("sentry_sdk")
    text = """
import warnings
warnings.simplefilter("ignore")
import sentry_sdk
from sentry_sdk.transport import Transport
from tidegate.adapters.executor import RejectingExecutor
got = []
class Kept(Transport):
    def capture_envelope(self, envelope):
        events = [item.get_event() for item in envelope.items]
        got.extend((event["message"], event["user"]["id"]) for event in events if event)
sentry_sdk.init(dsn="http://key@localhost/1", transport=Kept)
executor = None
for user in ("ann", "bob", "cy"):
    with sentry_sdk.isolation_scope() as scope:
        scope.set_user({"id": user})
        executor = executor or RejectingExecutor(8, 1)
        executor.submit(sentry_sdk.capture_message, user).result(20)
sentry_sdk.flush()
assert got == [("ann", "ann"), ("bob", "bob"), ("cy", "cy")], got
"""
    done = run_program(text)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_span_of_a_work_belongs_to_the_request_that_submitted_it() -> None:
    pytest.importorskip("opentelemetry.instrumentation.threading")
    text = """
import warnings
warnings.simplefilter("ignore")
from opentelemetry import trace
from opentelemetry.instrumentation.threading import ThreadingInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tidegate.adapters.executor import RejectingExecutor
kept, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
ThreadingInstrumentor().instrument()
tracer = trace.get_tracer("test")
def work():
    with tracer.start_as_current_span("work"):
        pass
executor = None
for number in range(3):
    with tracer.start_as_current_span(f"request {number}"):
        executor = executor or RejectingExecutor(8, 1)
        executor.submit(work).result(20)
spans = kept.get_finished_spans()
names = {span.context.span_id: span.name for span in spans}
parents = [names[span.parent.span_id] for span in spans if span.name == "work"]
assert parents == ["request 0", "request 1", "request 2"], parents
"""
    done = run_program(text)
    assert (done.returncode, done.stderr) == (0, "")


PATCHED = """
import warnings
warnings.simplefilter("ignore")
def patch():
    {patch}
{first}
from tidegate.adapters.executor import RejectingExecutor
{then}
try:
    RejectingExecutor(2, 1)
except RuntimeError as error:
    print(error)
"""
PATCHES = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}


@pytest.mark.parametrize("when", ["first", "then"])
@pytest.mark.parametrize("library", PATCHES)
def test_without_real_threads_it_says_so(library: str, when: str) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    done = run_program(PATCHED.format(**{"patch": PATCHES[library], "first": "", "then": ""} | {when: "patch()"}))
    assert done.returncode == 0, done.stderr
    assert "RejectingExecutor needs real threads" in done.stdout
    assert library in done.stdout


def test_where_threads_are_left_out_of_the_patch_it_works() -> None:
    if find_spec("gevent") is None:
        pytest.skip("gevent is not installed")
    text = """
import warnings
warnings.simplefilter("ignore")
from gevent import monkey
from tidegate.adapters.executor import RejectingExecutor
monkey.patch_all(thread=False)
print(RejectingExecutor(2, 1).submit(abs, -1).result(20))
"""
    done = run_program(text)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_without_real_threads_it_says_so_whoever_replaced_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "get_ident", lambda: 1)
    with pytest.raises(RuntimeError, match="RejectingExecutor needs real threads"):
        RejectingExecutor(2, 1)


def test_its_annotations_can_be_evaluated() -> None:
    seen = 0
    for module in (_exit, _works, executor_module):
        own = [thing for thing in vars(module).values() if getattr(thing, "__module__", None) == module.__name__]
        members = [getattr(member, "fget", member) for thing in own if isinstance(thing, type) for member in vars(thing).values()]
        for thing in (*own, *members):
            if isinstance(thing, (type, FunctionType)):
                get_type_hints(thing)
                seen += 1
    assert seen > 40


CHECKERS = {
    "beartype": "from beartype.claw import beartype_packages; beartype_packages(modules)",
    "typeguard": "from typeguard import install_import_hook; install_import_hook(modules)",
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_its_annotations_hold_when_it_runs(checker: str) -> None:
    pytest.importorskip(checker)
    text = f"""
import warnings
warnings.simplefilter("ignore")
modules = ["tidegate.adapters." + name for name in ("_exit", "_works", "executor")]
{CHECKERS[checker]}
from tidegate.adapters.executor import Rejected, RejectingExecutor
def fail():
    raise ValueError
executor = RejectingExecutor(2, 1, initializer=int, initargs=(), refusal="future", thread_name_prefix="x")
assert executor.submit(abs, -1).result(20) == 1
assert isinstance(executor.submit(fail).exception(20), ValueError)
assert list(executor.map(abs, (1, 2, 3), buffersize=2, timeout=20.0)) == [1, 2, 3]
executor.submit(int).cancel()
executor.statistics()
executor.shutdown(cancel_futures=True)
assert isinstance(executor.submit(int).exception(0), Rejected)
assert not executor.try_submit(int)
RejectingExecutor(2, 1, initializer=fail).shutdown()
"""
    done = run_program(text)
    assert (done.returncode, done.stderr) == (0, "")


# The bound


def test_bad_arguments_are_refused_before_a_thread_starts() -> None:
    before = threading.active_count()
    wrong: list[tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
        ((0, 1), {}, ValueError, "capacity"),
        ((True, 1), {}, TypeError, "capacity"),
        ((1.0, 1), {}, TypeError, "capacity"),
        ((2, 0), {}, ValueError, "workers"),
        ((2, -1), {}, ValueError, "workers"),
        ((2, True), {}, TypeError, "workers"),
        ((2, None), {}, TypeError, "workers"),
        ((2, 3), {}, ValueError, "capacity of 2"),
        ((2, 1), {"initializer": 5}, TypeError, "initializer"),
        ((2, 1), {"refusal": "wait"}, ValueError, "refusal"),
    ]
    for args, options, kind, text in wrong:
        with pytest.raises(kind, match=text):
            RejectingExecutor(*args, **options)
    assert threading.active_count() == before


def test_a_full_executor_refuses_at_once() -> None:
    with busy(3, 2) as (executor, _gate, _running):
        assert isinstance(executor.try_submit(int), Future)
        with pytest.raises(Rejected, match="unfinished") as caught:
            executor.submit(int)
        assert caught.value.outcome is Outcome.FULL
        refusal = executor.try_submit(int)
        assert refusal is Outcome.FULL
        assert not refusal
        assert executor.statistics().full == 2


def test_whoever_sees_a_result_finds_room() -> None:
    with executor_of(1, 1) as executor:
        for number in range(300):
            assert executor.submit(abs, -number).result(SOON_S) == number  # raises Rejected if the slot comes back late
        for _ in range(100):
            with pytest.raises(ZeroDivisionError):
                executor.submit(divmod, 1, 0).result(SOON_S)


def test_a_callback_finds_room() -> None:
    with busy(1, 1) as (executor, gate, running):
        found: SimpleQueue[Any] = SimpleQueue()
        running[0].add_done_callback(lambda _: found.put(executor.try_submit(int)))
        gate.open.set()
        assert isinstance(found.get(timeout=SOON_S), Future)


def test_cancelling_makes_room_at_once() -> None:
    with busy(3, 1) as (executor, gate, running):
        waiting = [executor.submit(int) for _ in range(2)]
        room: list[int] = []
        waiting[0].add_done_callback(lambda _: room.append(executor.statistics().free))
        assert waiting[0].cancel() is True
        assert waiting[0].cancel() is True
        assert room == [1]
        with pytest.raises(CancelledError):
            waiting[0].result(0)
        assert not running[0].cancel()
        newer = executor.submit(int)
        assert executor.try_submit(int) is Outcome.FULL
        gate.open.set()
        assert newer.result(SOON_S) == 0
        assert not newer.cancel()


def test_works_start_in_the_order_of_submission() -> None:
    order: list[int] = []
    with busy(20, 1) as (executor, gate, _running):
        futures = [executor.submit(order.append, number) for number in range(19)]
        futures[7].cancel()
        executor.submit(order.append, 19)
        gate.open.set()
    assert order == [number for number in range(20) if number != 7]


def test_submitters_are_answered_while_every_worker_hangs() -> None:
    with busy(10, 2) as (executor, _gate, _running):
        accepted: SimpleQueue[Any] = SimpleQueue()
        done: SimpleQueue[None] = SimpleQueue()

        def submit() -> None:
            for _ in range(500):
                if future := executor.try_submit(int):
                    accepted.put(future)
            done.put(None)

        threads = [threading.Thread(target=submit) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in threads:
            done.get(timeout=SOON_S)
        for thread in threads:
            thread.join(SOON_S)
        assert accepted.qsize() == 8
        statistics = executor.statistics()
        assert (statistics.in_flight, statistics.full) == (10, 8 * 500 - 8)


def test_submitters_cancellers_and_workers_at_once() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    runs: SimpleQueue[tuple[int, int]] = SimpleQueue()
    told: SimpleQueue[tuple[set[tuple[int, int]], set[tuple[int, int]]]] = SimpleQueue()

    def submit(executor: RejectingExecutor, party: int) -> None:
        accepted: dict[tuple[int, int], Future[None]] = {}
        cancelled: set[tuple[int, int]] = set()
        for number in range(400):
            future = executor.try_submit(runs.put, (party, number))
            if not isinstance(future, Outcome):
                accepted[party, number] = future
                if number % 2 and future.cancel():
                    cancelled.add((party, number))
        wait(accepted.values(), SOON_S)
        assert all(future.done() for future in accepted.values())
        told.put((set(accepted), cancelled))

    try:
        with executor_of(4, 3) as executor:
            threads = [threading.Thread(target=submit, args=(executor, party)) for party in range(4)]
            for thread in threads:
                thread.start()
            answers = [told.get(timeout=SOON_S) for _ in threads]
            for thread in threads:
                thread.join(SOON_S)
    finally:
        sys.setswitchinterval(interval)
    ran = [runs.get() for _ in range(runs.qsize())]
    accepted = set[tuple[int, int]]().union(*(those for those, _ in answers))
    cancelled = set[tuple[int, int]]().union(*(those for _, those in answers))
    assert len(ran) == len(set(ran))
    assert set(ran) == accepted - cancelled


def test_storms_leave_nothing_behind() -> None:
    with busy(8, 1) as (executor, _gate, _running):

        def storm(turns: int) -> None:
            for _ in range(turns):
                executor.submit(int)
                while executor.try_submit(int) is not Outcome.FULL:
                    pass
                for work in list(executor._line.waiting):
                    work.cancel()

        storm(20)
        before = sys.getallocatedblocks()
        storm(300)
        assert sys.getallocatedblocks() - before < 100
        assert executor.statistics().free == 7


def test_map_refuses_as_a_whole() -> None:
    with busy(4, 1) as (executor, _gate, _running):
        with pytest.raises(Rejected):
            executor.map(abs, range(4))
        assert executor.statistics().free == 3
        results = executor.map(abs, range(4), buffersize=3)
        assert executor.statistics().free == 0
        del results


@pytest.mark.parametrize("end", ["closed", "dropped"])
def test_map_that_was_not_begun_cancels_when_it_is(end: str) -> None:
    with busy(4, 1) as (executor, _gate, _running):
        results = cast(Generator[int], executor.map(abs, range(3)))
        assert executor.statistics().free == 0
        if end == "closed":
            results.close()
        else:
            del results
        assert executor.statistics().free == 3


def test_a_refusal_in_the_middle_of_map_loses_no_result() -> None:
    with executor_of(2, 1) as executor:
        results = executor.map(abs, (-1, -2, -3, -4), buffersize=2)
        assert next(results) == 1
        executor.shutdown(wait=False)
        assert [next(results), next(results)] == [2, 3]
        with pytest.raises(Rejected):
            next(results)
        with pytest.raises(StopIteration):
            next(results)


def test_a_refusal_can_be_a_future_that_has_failed() -> None:
    gate = Gate()
    with executor_of(1, 1, refusal="future") as executor:
        running = executor.submit(gate)
        refused = executor.submit(int)
        assert refused.done()
        assert not refused.cancelled()
        error = refused.exception(0)
        assert isinstance(error, Rejected)
        assert error.outcome is Outcome.FULL
        assert executor.try_submit(int) is Outcome.FULL
        with pytest.raises(Rejected):
            executor.map(abs, (1, 2))
        assert executor.statistics().free == 0
        gate.open.set()
        assert running.result(SOON_S) is None
        executor.shutdown()
        error = executor.submit(int).exception(0)
        assert isinstance(error, Rejected)
        assert error.outcome is Outcome.CLOSED
    with executor_of(1, 1, refusal="future", initializer=partial(fail, ValueError())) as executor:
        end_of(executor)
        assert isinstance(executor.submit(int).exception(0), BrokenThreadPool)


def test_a_grpc_server_outlives_a_refusal() -> None:
    pytest.importorskip("grpc")
    text = """
import os, threading, warnings
warnings.simplefilter("ignore")
import grpc
from tidegate.adapters.executor import RejectingExecutor

def served(**options):
    gate, started = threading.Event(), threading.Semaphore(0)
    def answer(request, context):
        started.release()
        assert request != b"hold" or gate.wait(20)
        return request
    executor = RejectingExecutor(1, 1, refusal="future")
    server = grpc.server(executor, **options)
    handlers = {"echo": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        echo = channel.unary_unary("/test/echo")
        held = echo.future(b"hold", timeout=20)
        assert started.acquire(timeout=20)
        try:
            echo(b"more", timeout=20 if options else 0.5)
        except grpc.RpcError as error:
            told = error.code().name
        gate.set()
        assert held.result(20) == b"hold"
        done = threading.Event()
        while not (turn := executor.try_submit(int)):
            pass
        turn.result(20)  # the worker is done with the first, and gRPC was told
        assert echo(b"after", timeout=20) == b"after"
    server.stop(0).wait(20)
    return told

print(served(), served(maximum_concurrent_rpcs=1), flush=True)
os._exit(0)
"""
    done = run_program(text)
    assert (done.returncode, done.stdout) == (0, "DEADLINE_EXCEEDED RESOURCE_EXHAUSTED\n"), done.stderr


def test_map_with_a_buffer_needs_no_more_room_than_that() -> None:
    with executor_of(3, 2) as executor:
        assert list(executor.map(abs, range(-200, 0), buffersize=3)) == list(range(200, 0, -1))
        drawn: list[int] = []

        def draw() -> Generator[int]:
            for number in range(10):
                drawn.append(number)
                yield number

        results = executor.map(abs, draw(), buffersize=2)
        assert drawn == [0, 1]
        assert next(results) == 0
        assert drawn == [0, 1, 2]
        with pytest.raises(ValueError, match="buffersize"):
            executor.map(abs, (), buffersize=0)
        with pytest.raises(TypeError, match="buffersize"):
            executor.map(abs, (), buffersize=True)


# How works and workers end


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration])
def test_whatever_a_work_raises_is_its_futures(kind: type[BaseException]) -> None:
    with executor_of(1, 1) as executor:
        error = kind("from the work")
        assert executor.submit(fail, error).exception(SOON_S) is error
        assert executor.submit(abs, -1).result(SOON_S) == 1


def test_a_callback_that_raises_ends_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    with busy(2, 1) as (executor, gate, running):
        running[0].add_done_callback(lambda _: fail(ValueError("logged by concurrent.futures")))
        running[0].add_done_callback(lambda _: fail(SystemExit()))
        gate.open.set()
        assert executor.submit(abs, -1).result(SOON_S) == 1
    assert "exception calling callback" in caplog.text


def test_an_asynchronous_exception_costs_the_work_that_it_hits() -> None:
    started: SimpleQueue[int] = SimpleQueue()

    def spin() -> None:
        started.put(threading.get_ident())
        while True:
            pass

    with executor_of(3, 1) as executor:
        spinning = executor.submit(spin)
        waiting = executor.submit(abs, -1)
        worker = started.get(timeout=SOON_S)
        assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker), ctypes.py_object(SystemExit)) == 1
        assert isinstance(spinning.exception(SOON_S), SystemExit)
        assert waiting.result(SOON_S) == 1
        assert executor.submit(threading.get_ident).result(SOON_S) == worker


def test_an_exception_before_the_first_work_is_no_failed_initializer() -> None:
    serve = _works.Line.serve
    turns: list[_works.Line] = []

    def interrupted(line: _works.Line) -> None:
        turns.append(line)
        if len(turns) == 1:
            raise ValueError("from outside")
        serve(line)

    with patch.object(_works.Line, "serve", interrupted), executor_of(1, 1) as executor:
        assert executor.submit(abs, -1).result(SOON_S) == 1
        end = len(turns)
    assert end == 2


def test_a_work_may_submit_and_shut_down() -> None:
    with executor_of(3, 1) as executor:
        inner: SimpleQueue[Future[int]] = SimpleQueue()
        executor.submit(lambda: inner.put(executor.submit(abs, -1)))
        assert inner.get(timeout=SOON_S).result(SOON_S) == 1
        executor.submit(executor.shutdown, wait=False).result(SOON_S)
        assert executor.try_submit(int) is Outcome.CLOSED


def test_a_thread_that_cannot_start_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    start: Callable[[threading.Thread], None] = threading.Thread.start
    before = threading.active_count()

    def start_one(self: threading.Thread) -> None:
        if self.name != "few_0":
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    with pytest.raises(RuntimeError, match="start new thread"):
        RejectingExecutor(3, 3, thread_name_prefix="few")
    for thread in threading.enumerate():
        if thread.name == "few_0":
            thread.join(SOON_S)
    assert threading.active_count() == before


def test_it_serves_an_event_loop() -> None:
    async def main(executor: RejectingExecutor) -> int:
        return await asyncio.get_running_loop().run_in_executor(executor, abs, -1)

    with executor_of(1, 1) as executor:
        assert asyncio.run(main(executor)) == 1
    with busy(1, 1) as (executor, _gate, _running), pytest.raises(Rejected):
        asyncio.run(main(executor))


if hasattr(os, "fork"):

    def test_in_a_child_it_is_closed_and_empty(in_child: Callable[[Callable[[], bool]], bool]) -> None:
        with busy(3, 1) as (executor, gate, running):
            waiting = executor.submit(abs, -1)

            def closed() -> bool:
                answered = executor.try_submit(int) is Outcome.CLOSED
                executor.shutdown(cancel_futures=True)
                return answered and executor.statistics().free == 3

            assert in_child(closed)
            assert in_child(lambda: RejectingExecutor(1, 1).submit(abs, -1).result(5) == 1)
            gate.open.set()
            assert (running[0].result(SOON_S), waiting.result(SOON_S)) == (0, 1)

    def test_a_fork_runs_nothing_of_the_users() -> None:
        """A finaliser that waits for a lock which another thread holds would keep the child from returning from `fork`."""
        done = run_program(
            """
import os, signal, threading, warnings
from tidegate.adapters.executor import RejectingExecutor
warnings.simplefilter("ignore", DeprecationWarning)
lock = threading.Lock()
class Argument:
    def __del__(self):
        os.write(1, b"finalised in the %s " % (b"parent" if os.getpid() == parent else b"child"))
        with lock:
            pass
def work(_):
    pass
parent = os.getpid()
gate = threading.Event()
executor = RejectingExecutor(3, 1)
executor.submit(gate.wait)
executor.submit(work, Argument())
lock.acquire()
child = os.fork()
if child == 0:
    signal.alarm(10)
    refused = executor.try_submit(int).value
    executor.shutdown(cancel_futures=True)
    del executor
    second = RejectingExecutor(1, 1)
    os.write(1, f"{refused} {second.submit(abs, -1).result(5)} ".encode())
    second.shutdown()
    os._exit(0)
os.write(1, b"%d " % os.waitpid(child, 0)[1])
lock.release()
gate.set()
executor.shutdown()
"""
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "closed 1 0 finalised in the parent ", "")

    def test_a_fork_in_the_middle_of_a_submission() -> None:
        """Fork before each bytecode of `try_submit`: the child answers CLOSED, unless the work was in the line already."""
        forks = 0
        with busy(2, 1) as (executor, _, _), injector_of(cast(Any, tidegate), [RejectingExecutor]) as injector:
            position, reached = 0, True
            while reached:
                position, reached, in_line = position + 1, False, False
                children: list[int] = []

                def fork(at: int, code: CodeType, _offset: int, until: int = position, children: list[int] = children) -> None:
                    nonlocal reached, in_line
                    if at == until:
                        reached, in_line = True, bool(executor._line.waiting)
                        if code.co_filename.endswith("executor.py"):
                            children.append(os.fork())
                            if children == [0]:
                                signal.alarm(10)

                right = False
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", DeprecationWarning)
                        answer: object = injector.run(partial(executor.try_submit, int), fork)
                    right = answer is Outcome.CLOSED or (in_line and answer is not Outcome.FULL)
                finally:
                    if children == [0]:
                        os._exit(not right)
                for child in children:
                    forks += 1
                    assert os.waitpid(child, 0)[1] == 0, f"forked at bytecode {position}"
                assert isinstance(answer, Future)
                assert answer.cancel()
        assert forks > 20

    def test_a_child_exits_without_waiting_for_the_parents_works() -> None:
        done = run_program(
            """
import os, threading, warnings
from tidegate.adapters.executor import RejectingExecutor
warnings.simplefilter("ignore", DeprecationWarning)
gate = threading.Event()
executor = RejectingExecutor(2, 1)
futures = [executor.submit(gate.wait) for _ in range(2)]
child = os.fork()
if child:
    print(os.waitpid(child, 0)[1])
    gate.set()
"""
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


# Its page

PAGE = Path(__file__).parents[3] / "kernel" / "docs" / "executor.md"


def test_the_examples_of_its_page_run() -> None:
    found = re.findall(r"<!-- example: ([\w-]+) -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert [name for name, _ in found] == ["executor", "executor-test"]
    done = run_program("\n".join(text for _, text in found))
    assert (done.returncode, done.stderr) == (0, "")
