"""Logging through an intake: what is written, dropped and reported, and that nobody waits (LOG-1, LOG-2)."""

import gc
import io
import logging
import logging.config
import os
import re
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from tidegate import Closed, Empty, Intake
from tidegate.adapters.log import RejectingHandler, RejectingListener

PAGE = Path(__file__).parents[3] / "kernel" / "docs" / "log.md"
WAIT_S = 20.0


class Sink(logging.Handler):
    """Keep the text of what it is given."""

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.name} {record.levelname} {record.getMessage()}")


class Rig:
    """Put a logger, a handler, an intake and a listener together."""

    def __init__(self, capacity: int, *handlers: logging.Handler, **options: Any) -> None:
        self.intake: Intake[logging.LogRecord] = Intake(capacity)
        self.sink = Sink()
        self.listener = RejectingListener(self.intake, *handlers, self.sink, **options)
        self.handler = RejectingHandler(self.intake)
        self.logger = logging.Logger("tidegate_tests.log")  # noqa: LOG001 - pytest adds handlers to all others
        self.logger.addHandler(self.handler)


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False)


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
        f"{blocks()[1]}\n"
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


def test_the_example_of_the_page() -> None:
    assert PAGE.read_text(encoding="utf-8").count("<!-- example: log -->\n```python\n") == 1
    run = run_script(blocks()[0])
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
