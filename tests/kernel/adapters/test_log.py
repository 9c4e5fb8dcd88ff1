"""Logging through an intake: what is written, dropped and reported, and that nobody waits (LOG-1, LOG-2)."""

import copy
import gc
import inspect
import io
import logging
import logging.config
import os
import pickle
import re
import subprocess
import sys
import threading
import time
import typing
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from tidegate import Closed, Empty, Intake
from tidegate.adapters import _records, log
from tidegate.adapters.log import RejectingHandler, RejectingListener

PAGE = Path(__file__).parents[3] / "kernel" / "docs" / "log.md"
WAIT_S = 20.0


class Sink(logging.Handler):
    """Keep the text of what it is given."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.name} {record.levelname} {self.format(record)}")


class Rig:
    """Put a logger, a handler, an intake and a listener together."""

    def __init__(self, capacity: int, *handlers: logging.Handler, **options: Any) -> None:
        self.intake: Intake[logging.LogRecord] = Intake(capacity)
        self.sink = Sink()
        self.listener = RejectingListener(self.intake, *handlers, self.sink, **options)
        self.handler = RejectingHandler(self.intake)
        self.logger = logging.Logger("tidegate_tests.log")  # noqa: LOG001 - pytest adds handlers to all others
        self.logger.addHandler(self.handler)


def run_script(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, *options, "-W", "error", "-c", script]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)


class Keeping(logging.Handler):
    """Keep the records themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def logged(*args: Any, **options: Any) -> logging.LogRecord:
    """Log a record, and give what reaches a handler behind the listener."""
    keeping = Keeping()
    rig = Rig(1)
    rig.listener.handlers = (keeping,)
    rig.logger.error(*args, **options)
    rig.listener.stop()
    return keeping.records[0]


class Barrier(logging.Handler):
    """Hold the listener up until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.reached.set()
        assert self.go_on.wait(WAIT_S)


def test_records_are_prepared_offered_handled_and_released() -> None:
    rig = Rig(3)
    arguments = ["now"]
    rig.logger.info("say %s", arguments)
    arguments[0] = "later"
    try:
        raise KeyError("cause")
    except KeyError:
        rig.logger.exception("broken")
    assert rig.intake.statistics().queued == 2
    rig.listener.handle_next(0)
    rig.listener.handle_next(0)
    assert rig.sink.texts[0] == "tidegate_tests.log INFO say ['now']"
    assert rig.sink.texts[1].startswith("tidegate_tests.log ERROR broken\nTraceback")
    with pytest.raises(Empty):
        rig.listener.handle_next(0)
    assert rig.intake.statistics().released == 2


def test_what_is_refused_is_dropped_counted_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    rig = Rig(1)
    for number in range(4):
        rig.logger.info("record %d", number)
    rig.intake.close()
    rig.logger.info("late")
    assert (rig.intake.statistics().full, rig.intake.statistics().closed) == (3, 1)
    rig.listener.stop()
    assert [text for text in rig.sink.texts if "record" in text.split()[2]] == ["tidegate_tests.log INFO record 0"]
    assert capfd.readouterr() == ("", "")


def test_the_record_being_written_holds_its_slot() -> None:
    rig = Rig(1)

    class Writer(Sink):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            rig.logger.info("from inside")

    writer = Writer()
    rig.listener.handlers = (writer,)
    rig.logger.info("outside")
    rig.listener.handle_next(0)
    assert writer.texts == ["tidegate_tests.log INFO outside"]
    assert rig.intake.statistics().full == 1


def test_a_dropped_record_and_a_written_one_are_gone_at_once() -> None:
    rig = Rig(1)
    alive: weakref.WeakSet[logging.LogRecord] = weakref.WeakSet()

    class Watching(RejectingHandler):
        def prepare(self, record: logging.LogRecord) -> Any:
            prepared = super().prepare(record)
            alive.add(prepared)
            return prepared

    gc.collect()
    gc.disable()
    try:
        rig.logger.removeHandler(rig.handler)
        rig.logger.addHandler(Watching(rig.intake))
        for _ in range(3):
            rig.logger.info("record")
        assert len(alive) == 1
        rig.listener.handle_next(0)
        assert not alive
    finally:
        gc.enable()


def test_overload_is_reported_once_at_each_end_to_the_listeners_handlers() -> None:
    rig = Rig(1)
    for _ in range(3):
        rig.logger.info("record")
    assert rig.listener.report()
    assert not rig.listener.report()
    rig.logger.info("record")
    assert not rig.listener.report()
    rig.listener.handle_next(0)
    assert rig.listener.report()
    assert not rig.listener.report()
    assert [text for text in rig.sink.texts if text.startswith("tidegate ")] == [
        "tidegate WARNING log records are being dropped: 2 so far",
        "tidegate WARNING no more log records are dropped: 3 were",
    ]


def test_a_report_is_made_by_the_record_factory_of_the_host() -> None:
    seen: list[logging.LogRecord] = []

    class Formatting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record)
            assert logging.Formatter("%(request)s %(message)s %(pathname)s").format(record).startswith("none log records")

    factory = logging.getLogRecordFactory()

    def with_request(*args: Any, **options: Any) -> logging.LogRecord:
        record = factory(*args, **options)
        record.request = "none"
        return record

    rig = Rig(1, Formatting())
    rig.logger.info("record")
    rig.logger.info("record")
    logging.setLogRecordFactory(with_request)
    try:
        rig.listener.report()
    finally:
        logging.setLogRecordFactory(factory)
    assert seen[0].args == (1,)


def test_levels_are_respected_if_wished() -> None:
    quiet = Sink(logging.ERROR)
    for respect, expected in ((False, ["INFO", "ERROR"]), (True, ["ERROR"])):
        rig = Rig(2, quiet, respect_handler_level=respect)
        rig.logger.info("record")
        rig.logger.error("record")
        rig.logger.removeHandler(rig.handler)
        rig.listener.stop()
        assert [text.split()[1] for text in quiet.texts] == expected
        quiet.texts.clear()


@pytest.mark.parametrize("error", [ValueError, Empty, Closed])
def test_a_handler_that_raises_gets_its_error_and_the_others_their_record(error: type[Exception]) -> None:
    reported: list[BaseException | None] = []

    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> Any:
            raise error

        def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in `logging`
            reported.append(sys.exc_info()[1])

    rig = Rig(2, Broken())
    rig.logger.info("one")
    rig.logger.info("two")
    rig.listener.start()
    rig.listener.stop()
    assert [type(each) for each in reported] == [error] * 2
    assert len(rig.sink.texts) == 2
    assert rig.intake.statistics().free == 2


def test_a_listener_goes_on_whatever_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[type[BaseException]] = []

    def hook(args: threading.ExceptHookArgs) -> None:
        reported.append(args.exc_type)

    monkeypatch.setattr(threading, "excepthook", hook)

    class Exiting(logging.Handler):
        def handle(self, record: logging.LogRecord) -> Any:
            raise SystemExit if record.getMessage() == "one" else Closed

        def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in `logging`
            raise Empty

    rig = Rig(3, Exiting())
    rig.logger.info("one")
    rig.logger.info("two")
    rig.listener.start()
    rig.listener.stop()
    assert reported == [SystemExit, Empty]
    assert (rig.intake.statistics().free, rig.intake.statistics().released) == (3, 2)


def test_the_thread_writes_what_is_logged_while_it_runs() -> None:
    written = threading.Event()

    class Telling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.set()

    rig = Rig(2, Telling())
    rig.listener.start()
    rig.logger.info("record")
    assert written.wait(WAIT_S)
    with pytest.raises(RuntimeError, match="already"):
        rig.listener.start()
    rig.listener.stop()
    rig.listener.stop()
    with pytest.raises(RuntimeError, match="new listener"):
        rig.listener.start()
    assert not any(thread.name == "tidegate-log" for thread in threading.enumerate())


def test_an_idle_thread_reports_the_end_of_overload() -> None:
    reported: dict[str, threading.Event] = {"are": threading.Event(), "more": threading.Event()}

    class Telling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name == "tidegate":
                reported["more" if "no more" in record.getMessage() else "are"].set()

    rig = Rig(1, Telling(), interval_s=0.001)
    rig.logger.info("record")
    rig.logger.info("dropped")
    rig.listener.start()
    assert reported["are"].wait(WAIT_S)
    assert reported["more"].wait(WAIT_S)
    rig.listener.stop()


def test_a_thread_that_stands_still_while_logging_holds_up_no_other() -> None:
    """Its record is still being made ready: with the lock that handlers have, the other thread would wait."""
    inside, go_on, done = threading.Event(), threading.Event(), threading.Event()

    class Slow:
        def __str__(self) -> str:
            inside.set()
            assert go_on.wait(WAIT_S)
            return "slow"

    rig = Rig(2)

    def other() -> None:
        rig.logger.info("other")
        done.set()

    first = threading.Thread(target=rig.logger.info, args=("%s", Slow()))
    first.start()
    assert inside.wait(WAIT_S)
    second = threading.Thread(target=other)
    second.start()
    assert done.wait(WAIT_S)
    go_on.set()
    first.join(WAIT_S)
    second.join(WAIT_S)
    rig.listener.stop()
    assert rig.sink.texts == ["tidegate_tests.log INFO other", "tidegate_tests.log INFO slow"]


@pytest.mark.skipif(hasattr(logging.Logger, "_tls"), reason="this alpha of 3.15 drops what is logged while a record is handled")
def test_logging_from_the_text_of_a_record_is_logging_twice() -> None:
    rig = Rig(2)

    class Chatty:
        def __str__(self) -> str:
            rig.logger.info("inner")
            return "outer"

    rig.logger.info("%s", Chatty())
    rig.listener.stop()
    assert [text.split()[2] for text in rig.sink.texts] == ["inner", "outer"]


def test_filters_are_asked_and_may_change_the_record() -> None:
    rig = Rig(2)

    def only_even(record: logging.LogRecord) -> bool:
        record.msg = f"filtered {record.msg}"
        return not int(record.msg.split()[1]) % 2

    rig.handler.addFilter(only_even)
    for number in range(3):
        rig.logger.info(str(number))
    rig.listener.stop()
    assert [text.split(maxsplit=2)[2] for text in rig.sink.texts] == ["filtered 0", "filtered 2"]


def test_a_record_that_cannot_be_prepared_is_an_error_of_logging(capfd: pytest.CaptureFixture[str]) -> None:
    rig = Rig(1)
    rig.logger.info("%d", "no number")
    assert "Logging error" in capfd.readouterr().err
    assert rig.intake.statistics().accepted == 0


@pytest.mark.parametrize("interval_s", [0, -1, float("nan")])
def test_an_interval_that_is_none_is_an_error(interval_s: float) -> None:
    with pytest.raises(ValueError, match="interval_s"):
        RejectingListener(Intake(1), interval_s=interval_s)


def test_at_exit_a_listener_that_still_runs_writes_what_was_accepted() -> None:
    script = (
        "import logging, sys\n"
        "from tidegate import Intake\n"
        "from tidegate.adapters.log import RejectingHandler, RejectingListener\n"
        "records = Intake(100)\n"
        "listener = RejectingListener(records, logging.StreamHandler(sys.stdout))\n"
        "logging.getLogger().addHandler(RejectingHandler(records))\n"
        "for number in range(100): logging.warning('record %d', number)\n"
        "listener.start()\n"
    )
    run = run_script(script)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [f"record {number}" for number in range(100)]


def test_logging_shuts_down_with_the_handler_in_use() -> None:
    rig = Rig(1)
    logging.shutdown([weakref.ref(rig.handler)])
    rig.logger.info("after")
    assert rig.intake.statistics().accepted == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_logs_with_a_listener_of_its_own() -> None:
    script = (
        "import logging, os, sys, warnings\n"
        "from tidegate import Intake\n"
        "from tidegate.adapters.log import RejectingHandler, RejectingListener\n"
        "warnings.simplefilter('ignore', DeprecationWarning)  # fork with threads\n"
        "records = Intake(2)\n"
        "sink = logging.StreamHandler(sys.stdout)\n"
        "listener = RejectingListener(records, sink)\n"
        "logging.getLogger().addHandler(RejectingHandler(records))\n"
        "listener.start()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    logging.warning('one')\n"
        "    listener.start()\n"
        "    listener.stop()\n"
        "    sys.stdout.flush()\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "logging.warning('two')\n"
    )
    run = run_script(script)
    assert (run.returncode, run.stdout, run.stderr) == (0, "one\ntwo\n", "")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a dictionary makes no listener before 3.12")
def test_the_dictionary_of_the_page_makes_the_pair(tmp_path: Path) -> None:
    script = (
        f"{block_with('CONFIG = ')}\n"
        f"CONFIG['handlers']['file']['filename'] = {str(tmp_path / 'app.log')!r}\n"
        "import logging.config\n"
        "logging.config.dictConfig(CONFIG)\n"
        "handler = logging.getHandlerByName('intake')\n"
        "handler.listener.start()\n"
        "assert handler.intake.capacity == 1000\n"
        "logging.info('hello')\n"
    )
    run = run_script(script)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert (tmp_path / "app.log").read_text() == "hello\n"


def test_a_dictionary_makes_the_handler_on_any_version() -> None:
    stream = io.StringIO()
    intake: Intake[logging.LogRecord] = Intake(1)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"intake": {"()": RejectingHandler, "intake": intake}},
            "loggers": {"tidegate_tests.log": {"handlers": ["intake"], "level": "INFO", "propagate": False}},
        }
    )
    logger = logging.getLogger("tidegate_tests.log")
    logger.info("hello")
    logger.handlers.clear()
    RejectingListener(intake, logging.StreamHandler(stream)).stop()
    assert stream.getvalue() == "hello\n"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def block_with(text: str) -> str:
    (block,) = [block for block in blocks() if text in block]
    return block


@pytest.mark.parametrize("name", ["log", "log-test"])
def test_the_examples_of_the_page(name: str) -> None:
    (example,) = re.findall(rf"<!-- example: {name} -->\n```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    run = run_script(example)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# Start and stop


class Interrupt(BaseException):
    """Stand for what a signal handler raises."""


def failing_start(monkeypatch: pytest.MonkeyPatch, late: bool) -> None:
    start = threading.Thread.start

    def fail(thread: threading.Thread) -> None:
        monkeypatch.undo()
        if late:
            start(thread)
            raise Interrupt
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)


@pytest.mark.parametrize("late", [False, True], ids=["no thread", "interrupted"])
@pytest.mark.parametrize("again", [False, True], ids=["stopped", "started again"])
def test_a_start_that_fails_leaves_a_listener_that_is_not_started(monkeypatch: pytest.MonkeyPatch, late: bool, again: bool) -> None:
    rig = Rig(2)
    failing_start(monkeypatch, late)
    with pytest.raises((Interrupt, RuntimeError)):
        rig.listener.start()
    rig.logger.info("record")
    if again:
        rig.listener.start()
        with pytest.raises(RuntimeError, match="already"):
            rig.listener.start()
    rig.listener.stop()
    rig.listener.stop()
    assert rig.sink.texts == ["tidegate_tests.log INFO record"]
    assert not any(thread.name == "tidegate-log" for thread in threading.enumerate())


def test_a_listener_that_is_started_twice_at_once_has_one_thread() -> None:
    rig = Rig(1)
    rig.listener.start()
    with pytest.raises(RuntimeError, match="already"):
        rig.listener.start()
    assert sum(thread.name == "tidegate-log" for thread in threading.enumerate()) == 1
    rig.listener.stop()


def test_stop_gives_up_after_its_time_and_goes_on_when_asked_again() -> None:
    barrier = Barrier()
    rig = Rig(2, barrier)
    rig.logger.info("one")
    rig.logger.info("two")
    rig.listener.start()
    assert barrier.reached.wait(WAIT_S)
    rig.listener.stop(0)
    rig.listener.stop(0.01)
    read = rig.intake.statistics()
    assert (read.queued, read.in_flight, rig.sink.texts) == (1, 1, [])
    rig.logger.info("late")
    assert rig.intake.statistics().closed == 1
    barrier.go_on.set()
    rig.listener.stop(WAIT_S)
    assert len(rig.sink.texts) == 2


def test_stop_with_a_time_and_without_a_thread_writes_until_it_is_over() -> None:
    rig = Rig(2)
    rig.logger.info("record")
    rig.listener.stop(0)
    assert rig.sink.texts == []
    rig.listener.stop(WAIT_S)
    assert len(rig.sink.texts) == 1


def test_an_exit_does_not_wait_for_a_sink_that_stop_gave_up() -> None:
    script = (
        "import logging, threading\n"
        "from tidegate import Intake\n"
        "from tidegate.adapters.log import RejectingHandler, RejectingListener\n"
        "class Stuck(logging.Handler):\n"
        "    def handle(self, record): threading.Event().wait()  # without its lock, for which `logging` waits at exit\n"
        "records = Intake(2)\n"
        "listener = RejectingListener(records, Stuck())\n"
        "logging.getLogger().addHandler(RejectingHandler(records))\n"
        "for each in 'one', 'two': logging.warning(each)\n"
        "listener.start()\n"
        "listener.stop(0.01)\n"
    )
    run = run_script(script)
    assert (run.returncode, run.stdout) == (0, "")
    assert re.fullmatch(r"tidegate: [12] log records are lost: .*\n", run.stderr)


def test_a_handler_that_stops_its_listener_waits_for_nobody() -> None:
    stopped = threading.Event()

    class Stopping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            rig.listener.stop()
            stopped.set()

    rig = Rig(2, Stopping())
    rig.logger.info("one")
    rig.logger.info("two")
    rig.listener.start()
    assert stopped.wait(WAIT_S)
    rig.listener.stop(WAIT_S)
    assert len(rig.sink.texts) == 2


def test_an_exception_that_arrives_while_stop_writes_comes_out_and_loses_one_record_at_most() -> None:
    class Interrupted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == "one":
                raise KeyboardInterrupt

    rig = Rig(2, Interrupted())
    rig.logger.info("one")
    rig.logger.info("two")
    with pytest.raises(KeyboardInterrupt):
        rig.listener.stop()
    rig.listener.stop()
    assert rig.sink.texts == ["tidegate_tests.log INFO two"]
    assert rig.intake.statistics().free == 2


def test_an_exception_of_the_kernels_type_in_the_thread_is_not_taken_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the thread, as any exception from elsewhere would, and says so; the next start or stop writes on."""
    reported: list[tuple[type[BaseException], threading.Thread | None]] = []
    told = threading.Event()

    def hook(args: threading.ExceptHookArgs) -> None:
        reported.append((args.exc_type, args.thread))
        told.set()

    monkeypatch.setattr(threading, "excepthook", hook)

    class Interrupting:
        def __init__(self, intake: Intake[Any]) -> None:
            self.intake = intake

        def __getattr__(self, name: str) -> Any:
            if name == "take" and not reported:
                raise Closed("raised by somebody else")
            return getattr(self.intake, name)

    rig = Rig(2)
    intake: Any = Interrupting(rig.intake)
    rig.listener.intake = intake  # type: ignore[misc]
    rig.logger.info("one")
    rig.listener.start()
    assert told.wait(WAIT_S)
    (kind, thread), = reported  # fmt: skip
    assert kind is Closed
    assert thread is not None
    thread.join(WAIT_S)
    rig.listener.start()
    rig.listener.stop()
    assert rig.sink.texts == ["tidegate_tests.log INFO one"]


@pytest.mark.parametrize("module", ["gevent.thread", "eventlet.green.thread"])
def test_where_threads_are_green_a_start_says_so_and_stop_still_writes(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    real = threading.get_ident

    def green() -> int:
        return real()

    green.__module__ = module
    rig = Rig(1)
    rig.logger.info("record")
    with monkeypatch.context() as patched:
        patched.setattr(threading, "get_ident", green)
        with pytest.raises(RuntimeError, match=f"RejectingListener needs real threads, and {module} has"):
            rig.listener.start()
        rig.listener.stop()
    assert len(rig.sink.texts) == 1
    rig = Rig(1)
    rig.listener.start()
    rig.listener.stop()


UNSTARTED = (
    "import logging, sys\n"
    "from tidegate import Intake\n"
    "from tidegate.adapters.log import RejectingHandler, RejectingListener\n"
    "records = Intake(2)\n"
    "handler = RejectingHandler(records)\n"
    "logging.getLogger().addHandler(handler)\n"
)


def test_a_listener_that_was_never_started_says_so_once_and_writes_at_exit() -> None:
    script = f"{UNSTARTED}listener = RejectingListener(records, logging.StreamHandler(sys.stdout))\n"
    run = run_script(f"{script}for number in range(5): logging.warning('record %d', number)\nprint('refused in silence')\n")
    assert (run.returncode, run.stdout.splitlines()[:2]) == (0, ["refused in silence", "record 0"])
    assert run.stderr == "tidegate: a log listener was never started: 2 records are written only now, 3 were dropped\n"
    run = run_script(script)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


FORKED = (
    "import multiprocessing, os, warnings\n"
    "warnings.simplefilter('ignore')  # of a fork beside threads\n"
    "def child(): [logging.warning('record %d', number) for number in range(2)]\n"
    "def by_os():\n"
    "    pid = os.fork()\n"
    "    if not pid: child(); sys.exit()\n"
    "    os.waitpid(pid, 0)\n"
    "def by_multiprocessing():\n"
    "    process = multiprocessing.get_context('fork').Process(target=child)\n"
    "    process.start(); process.join(); sys.exit(process.exitcode)\n"
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("forked", ["by_os", "by_multiprocessing"])
def test_a_forked_child_that_starts_no_listener_writes_at_its_end_or_says_that_it_lost_records(forked: str) -> None:
    listener = "listener = RejectingListener(records, logging.StreamHandler(sys.stdout))\nlistener.start()\n"
    run = run_script(f"{UNSTARTED}{listener}{FORKED}{forked}()\n")
    assert (run.returncode, run.stdout.splitlines()) == (0, ["record 0", "record 1"])
    assert run.stderr == "tidegate: no log listener was started in a forked process: 2 records are written only now\n"
    run = run_script(f"{UNSTARTED}{FORKED}{forked}()\n")
    assert (run.returncode, run.stdout) == (0, "")
    assert run.stderr == "tidegate: 2 log records of a forked process are lost: no listener was started in it\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("forked", ["by_os", "by_multiprocessing"])
def test_a_forked_child_with_a_listener_of_its_own_is_told_nothing(forked: str) -> None:
    child = (
        "logs = child\n"
        "def child():\n"
        "    global own\n"
        "    logs()\n"
        "    own = RejectingListener(records, logging.StreamHandler(sys.stdout))\n"
        "    own.start()\n"
    )
    listener = "listener = RejectingListener(records, logging.StreamHandler(sys.stdout))\nlistener.start()\n"
    run = run_script(f"{UNSTARTED}{listener}{FORKED}{child}{forked}()\n")
    assert (run.returncode, run.stdout.splitlines(), run.stderr) == (0, ["record 0", "record 1"], "")


def test_records_that_no_listener_takes_are_told_at_exit() -> None:
    run = run_script(f"{UNSTARTED}logging.warning('record')\n")
    assert (run.returncode, run.stdout) == (0, "")
    assert run.stderr.startswith("tidegate: 1 log records are lost: ")
    run = run_script(f"{UNSTARTED}logging.warning('record')\nlogging.lastResort = None\n")
    assert (run.returncode, run.stderr) == (0, "")


def test_handlers_run_in_an_empty_context_whoever_starts_or_stops() -> None:
    user: ContextVar[str] = ContextVar("user", default="nobody")

    class Telling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(user.get())
            user.set("left behind")

    seen: list[str] = []
    token = user.set("alice")
    try:
        for start in (True, False):
            rig = Rig(2, Telling())
            rig.logger.info("one")
            rig.logger.info("two")
            if start:
                rig.listener.start()
            rig.listener.stop()
    finally:
        user.reset(token)
    assert seen == ["nobody"] * 4


@pytest.mark.skipif(sys.version_info < (3, 14), reason="no thread inherits a context before 3.14")
def test_the_thread_inherits_no_context() -> None:
    script = (
        f"{UNSTARTED}import threading\n"
        "from contextvars import ContextVar\n"
        "user = ContextVar('user', default='nobody')\n"
        "class Listener(RejectingListener):\n"
        "    def report(self): threading.current_thread() is threading.main_thread() or print(user.get())\n"
        "user.set('alice')\n"
        "listener = Listener(records)\n"
        "listener.start()\n"
        "listener.stop()\n"
    )
    run = run_script(script, "-X", "thread_inherit_context=1")
    assert (run.returncode, set(run.stdout.split()), run.stderr) == (0, {"nobody"}, "")


# What a handler behind the listener finds


def test_arguments_exception_and_stack_reach_the_formatter_behind_the_listener() -> None:
    arguments = (["now"], 3)
    error = KeyError("cause")
    try:
        raise error
    except KeyError:
        record = logged("say %s %d", *arguments, exc_info=True, stack_info=True, extra={"request": 7})
    assert record.exc_info == (KeyError, error, error.__traceback__)
    arguments[0][0] = "later"
    assert (record.msg, record.args, record.request) == ("say %s %d", arguments, 7)  # type: ignore[attr-defined]
    assert record.getMessage() == record.message == "say ['now'] 3"
    assert record.exc_text is None
    text = logging.Formatter("%(levelname)s %(message)s").format(record)
    assert text.startswith("ERROR say ['now'] 3\nTraceback")
    assert "KeyError: 'cause'\nStack (most recent call last)" in text
    assert "_said" not in vars(record)
    assert record.args[0] is arguments[0]  # type: ignore[index]


def test_a_dictionary_as_the_only_argument_is_one() -> None:
    record = logged("%(a)s and %(b)r", {"a": 1, "b": "c"})
    assert (record.args, record.getMessage()) == ({"a": 1, "b": "c"}, "1 and 'c'")
    assert logged({"event": "as it is"}).msg == {"event": "as it is"}


def test_a_formatter_may_change_what_a_record_says() -> None:
    record = logged("password %s", "secret")
    record.msg, record.args = "password ***", ()
    assert record.getMessage() == "password ***"
    words = ["hello"]
    again = copy.copy(logged("%s said %s", "alice", words))
    words[0] = "bye"
    assert again.args == ("alice", words)
    assert again.getMessage() == "alice said ['hello']"
    again.msg = "<b>%s</b> said %s"
    assert again.getMessage() == "<b>alice</b> said ['bye']"


def test_behind_the_listener_records_can_be_pickled_as_before_it() -> None:
    class Unpicklable:
        def __reduce__(self) -> str:
            raise TypeError("not to be pickled")

        def __str__(self) -> str:
            return "text"

    record = logged("say %s", Unpicklable())
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        other = pickle.loads(pickle.dumps(record, protocol))
        assert type(other) is logging.LogRecord
        assert (other.getMessage(), other.args, other.lineno) == ("say text", None, record.lineno)
    assert copy.deepcopy(record).getMessage() == "say text"


class Braces(logging.LogRecord):
    def getMessage(self) -> str:  # noqa: N802 - its name in `logging`
        return str(self.msg).format(*(self.args or ()))


class Slotted(logging.LogRecord):
    __slots__ = ("extra",)


@pytest.mark.parametrize(("factory", "args"), [(Braces, ([1],)), (Slotted, None)])
def test_the_hosts_own_class_of_records_is_kept(factory: type[logging.LogRecord], args: object) -> None:
    keep = logging.getLogRecordFactory()
    logging.setLogRecordFactory(factory)
    try:
        arguments = [1]
        record = logged("{}" if factory is Braces else "%s", arguments)
    finally:
        logging.setLogRecordFactory(keep)
    arguments[0] = 2
    assert isinstance(record, factory)
    assert record.getMessage() == "[1]"
    assert record.args == (args and ([2],))
    if factory is Braces:
        assert type(pickle.loads(pickle.dumps(record))) is Braces


def test_a_formatter_in_front_of_the_intake_makes_the_text_there() -> None:
    rig = Rig(1)
    rig.handler.setFormatter(logging.Formatter("<%(message)s>"))
    try:
        raise KeyError("cause")
    except KeyError:
        rig.logger.exception("say %s", "hello")
    rig.listener.stop()
    assert rig.sink.texts[0].startswith("tidegate_tests.log ERROR <say hello>\nTraceback")
    assert rig.sink.texts[0].count("Traceback") == 1


def test_an_exception_that_arrives_while_a_record_is_offered_reaches_who_logs() -> None:
    class Interrupted(RejectingHandler):
        def enqueue(self, record: logging.LogRecord) -> None:
            raise TimeoutError

    logger = logging.Logger("tidegate_tests.log")  # noqa: LOG001 - pytest adds handlers to all others
    logger.addHandler(Interrupted(Intake(1)))
    with pytest.raises(TimeoutError):
        logger.info("record")


# Sinks that log


class Echoing(Sink):
    """Log to where its records come from, whenever it writes one."""

    def __init__(self) -> None:
        super().__init__()
        self.log: Callable[[str], object] = len  # nowhere yet
        self.written = threading.Semaphore(0)

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        self.log(f"wrote {record.getMessage()}")
        self.written.release()


def test_a_sink_that_logs_into_itself_is_not_fed_by_itself() -> None:
    echoing = Echoing()
    rig = Rig(10, echoing, interval_s=0.001)
    echoing.log = rig.logger.warning
    rig.listener.start()
    rig.logger.info("one")
    for _ in range(3):  # the record, its echo, and the report of what the echo would have left
        assert echoing.written.acquire(timeout=WAIT_S)
    rig.listener.stop()
    texts = [text.split(maxsplit=2)[2] for text in echoing.texts]
    assert texts[:2] == ["one", "wrote one"]
    assert re.fullmatch(r"a log handler logs while it writes what it logged itself: .*, 1 so far", texts[2])
    assert len(texts) == 3
    assert rig.listener.looped == 2
    read = rig.intake.statistics()
    assert (read.accepted, read.full, read.closed) == (2, 0, 0)


def test_what_the_hook_of_threads_logs_of_a_sink_is_not_fed_to_it_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    class Exiting(Sink):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            raise SystemExit

    exiting = Exiting()
    rig = Rig(10, exiting)

    def hook(args: threading.ExceptHookArgs) -> None:
        rig.logger.error("thread failed")

    monkeypatch.setattr(threading, "excepthook", hook)
    rig.logger.info("one")
    rig.listener.start()
    deadline = time.monotonic() + WAIT_S
    while rig.intake.statistics().released < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    rig.listener.stop()
    assert [text.split(maxsplit=2)[2] for text in exiting.texts][:2] == ["one", "thread failed"]
    assert rig.listener.looped >= 1
    assert rig.intake.statistics().accepted == 2


def test_a_handler_that_writes_to_another_intake_is_no_loop() -> None:
    second = Rig(5)
    first = Rig(5, second.handler)
    for _ in range(2):
        first.logger.info("record")
    first.listener.stop()
    second.listener.stop()
    assert (len(second.sink.texts), first.listener.looped, second.listener.looped) == (2, 0, 0)


# logging.config


def config(**handler: Any) -> dict[str, Any]:
    described = {"class": "tidegate.adapters.log.RejectingHandler", "handlers": ["sink"], **handler}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"sink": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}, "intake": described},
        "loggers": {"tidegate_tests.log": {"handlers": ["intake"], "level": "INFO", "propagate": False}},
    }


QUEUE = {"()": "tidegate.Intake", "capacity": 10}
LISTENER = "tidegate.adapters.log.RejectingListener"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a dictionary makes no listener before 3.12")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"queue": QUEUE}, '"listener": "tidegate.adapters.log.RejectingListener"'),
        ({"queue": QUEUE, "listener": "logging.handlers.QueueListener"}, "no QueueListener takes records from an intake"),
        ({"listener": LISTENER}, '"queue": {"()": "tidegate.Intake", "capacity": 1000}'),
    ],
)
def test_a_dictionary_that_would_lose_every_record_is_an_error_that_says_what_to_write(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match="Unable to configure handler 'intake'") as caught:
        logging.config.dictConfig(config(**given))
    assert isinstance(caught.value.__cause__, TypeError)
    assert message in str(caught.value.__cause__)


def test_a_handler_takes_its_own_listener_only() -> None:
    one, other = Rig(1), Rig(1)
    one.handler.listener = one.listener
    assert one.handler.listener is one.listener
    with pytest.raises(TypeError, match="takes records"):
        one.handler.listener = other.listener
    with pytest.raises(TypeError, match="not a SimpleQueue"):
        RejectingHandler(__import__("queue").SimpleQueue())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a dictionary makes no listener before 3.12")
def test_ten_configurations_leave_one_thread_and_lose_nothing() -> None:
    script = (
        "import logging, logging.config, threading\n"
        f"for number in range(10):\n"
        f"    logging.config.dictConfig({config(queue=QUEUE, listener=LISTENER)!r})\n"
        "    logging.getHandlerByName('intake').listener.start()\n"
        "    logging.getLogger('tidegate_tests.log').info('record %d', number)\n"
        "assert sum(thread.name == 'tidegate-log' for thread in threading.enumerate()) == 1\n"
    )
    run = run_script(script)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [f"record {number}" for number in range(10)]


def test_closing_a_handler_waits_for_no_sink_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "CLOSING_S", 0.01)
    barrier = Barrier()
    rig = Rig(1, barrier)
    rig.handler.listener = rig.listener
    rig.listener.start()
    rig.logger.info("record")
    assert barrier.reached.wait(WAIT_S)
    rig.handler.close()
    assert rig.sink.texts == []
    barrier.go_on.set()
    rig.listener.stop()
    assert len(rig.sink.texts) == 1


def test_every_annotation_can_be_evaluated() -> None:
    for name, member in [*vars(log).items(), *vars(_records).items()]:
        if getattr(member, "__module__", None) not in (log.__name__, _records.__name__) or name.startswith("__"):
            continue
        for each in (member, *(vars(member).values() if isinstance(member, type) else ())):
            function: Any = each.fget if isinstance(each, property) else each
            if callable(function) and hasattr(function, "__annotations__"):
                typing.get_type_hints(inspect.unwrap(function))
