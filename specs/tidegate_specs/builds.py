"""Know what sets a free-threaded interpreter apart, for the checks and for those who start their processes.

Such a build gives each thread a copy of the bytecode of its own, and instruction events that one thread asks for never reach the
copies of the others. A check that steps through other threads would see nothing of them. So processes that run checks there are
started with one copy for all, `-X tlbc=0`. That changes how fast the interpreter goes, not what it may do: there is still no GIL.
"""

import os
import sys
import sysconfig
import threading
from collections.abc import Callable
from typing import Final, TypeVar

R = TypeVar("R")

FREE_THREADED: Final = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
OPTIONS: Final = ("-X", "tlbc=0") if FREE_THREADED else ()  # for an interpreter that runs checks
LATE_FINALISERS: Final = (
    "without a GIL, CPython runs the finaliser of an object when the thread that made it next runs Python code (gh-157838), "
    "so nobody else can tell when what was dropped dies, and when a dropped lease gives its slot back"
)


def gil_is_on() -> bool:
    """Tell whether a GIL is held now: on a free-threaded build an import or a setting can have brought it back."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def cores() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def made_by_none(make: Callable[[], R]) -> R:
    """Give what a call makes in a thread that has ended.

    Such objects have no owner, so that their finalisers run at once, wherever the last reference is dropped, on every build. But
    the next thread to be started may be given the identity of the one that ended, and everything that was its own.
    """
    made: list[R] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            made.append(make())
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    maker = threading.Thread(target=run)
    maker.start()
    maker.join()
    if failed:
        raise failed.pop()
    return made.pop()
