"""Be a program that exits while the guest's executor and log listener have work, and say on stdout what was done, in order.

WORDS: one of `CASES`. A line each: `work N` is done, `record N` is written, `closed` the resource that the works need is closed by
an exit handler, `end` the main program ends, `accepted N` and `refused WHY` in a handler that runs after all others.
"""

import atexit
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from tidegate_specs.guest import WORDS, adapter, every_module, guest

WORKS: Final = 3
IN_CHILD: Final = 10
WORK_S: Final = 0.03  # longer than an interpreter takes to exit that waits for nobody
LOGGER: Final = logging.getLogger("host")


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


class Sink(logging.Handler):
    """Write each record as a line."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def work(number: int) -> None:
    time.sleep(WORK_S)
    say(f"work {number}")


def logging_work(number: int) -> None:
    time.sleep(WORK_S)
    LOGGER.warning("record %d", number)
    say(f"work {number}")


def log_to_listener() -> Any:
    log = adapter("log")
    records = guest().Intake(100)
    listener = log.RejectingListener(records, Sink())
    KEPT.append(listener)
    listener.start()
    LOGGER.addHandler(log.RejectingHandler(records))
    LOGGER.propagate = False
    return records


def order() -> None:
    """Works that need a resource, which an exit handler registered after the executor closes."""
    executor = adapter("executor").RejectingExecutor(WORKS, 2)
    atexit.register(say, "closed")
    for number in range(WORKS):
        executor.submit(work, number)


def late_works() -> None:
    """The resource's exit handler is there before the executor is even imported."""
    atexit.register(say, "closed")
    executor = adapter("executor").RejectingExecutor(WORKS, 1)
    for number in range(WORKS):
        executor.submit(work, number)


def records_of(listener_first: bool) -> None:
    if listener_first:
        log_to_listener()
    executor = adapter("executor").RejectingExecutor(WORKS, 1)
    if not listener_first:
        log_to_listener()
    for number in range(WORKS):
        executor.submit(logging_work, number)


def in_child() -> None:
    log_to_listener()
    executor = adapter("executor").RejectingExecutor(IN_CHILD, 2)
    for number in range(IN_CHILD):
        executor.submit(logging_work, number)


def forked(in_child: Callable[[], None]) -> None:
    """A child of `multiprocessing`, which ends without exit handlers."""
    child = multiprocessing.get_context("fork").Process(target=in_child)
    child.start()
    child.join(20)
    say(f"child {child.exitcode}")


def log_in_child() -> None:
    """The child logs to the parent's listener, whose thread it has not, and starts none."""
    log_to_listener()
    forked(log_records)


def log_records() -> None:
    for number in range(WORKS):
        LOGGER.warning("record %d", number)


def in_late_handler() -> None:
    try:
        executor = adapter("executor").RejectingExecutor(WORKS, 1)
        for number in range(WORKS):
            executor.submit(work, number)
            say(f"accepted {number}")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said
        say(f"refused {type(error).__name__}: {error}")


def records_in_late_handler() -> None:
    try:
        records = log_to_listener()
        for number in range(WORKS):
            LOGGER.warning("record %d", number)
            said = "accepted" if records.statistics().accepted > number else "refused: not accepted"
            say(f"{said} {number}")
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said
        say(f"refused {type(error).__name__}: {error}")


KEPT: Final[list[Any]] = []
CASES: Final[dict[str, Callable[[], None]]] = {
    "order": order,
    "late": late_works,
    "listener-first": lambda: records_of(True),
    "executor-first": lambda: records_of(False),
    "forked": lambda: forked(in_child),
    "forked-listener": log_in_child,
    "handler": lambda: None,
    "records-handler": lambda: None,
}

if __name__ == "__main__":
    if WORDS[0] == "handler":
        atexit.register(in_late_handler)  # before the import, so that it runs after everything that is registered in there
    if WORDS[0] == "records-handler":
        atexit.register(records_in_late_handler)
    every_module()
    CASES[WORDS[0]]()
    say("end")
    sys.stdout.flush()
