"""Do something in a fork of this process, and hear from it through a pipe."""

import json
import os
import select
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any


def fork() -> int:
    """Fork, although there are other threads: that is what is tried here, and what 3.12 and later warn about."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*use of fork\(\) may lead to deadlocks", category=DeprecationWarning)
        return os.fork()


def in_child(work: Callable[[], dict[str, Any]], limit_s: float) -> dict[str, Any]:
    """Give what the work returns in a child process, or {"died": why}. The child is reaped, and killed at the limit."""
    reader, writer = os.pipe()
    child = fork()
    if child == 0:
        report_and_exit(work, writer)
    os.close(writer)
    return hear(child, reader, limit_s)


def report_and_exit(work: Callable[[], dict[str, Any]], writer: int) -> None:
    """Do the child's work, tell the parent, and leave at once: what the parent would do at its end stays the parent's."""
    code = 70
    try:
        try:
            found = work()
        except BaseException as error:  # noqa: BLE001 - there is nobody else to tell
            found = {"died": f"{type(error).__name__}: {error}"}
        os.write(writer, json.dumps(found).encode())
        code = 0
    finally:
        os._exit(code)


def hear(child: int, reader: int, limit_s: float) -> dict[str, Any]:
    """Read a child's report to its end, and reap it."""
    report = b""
    deadline_s = time.monotonic() + limit_s
    try:
        while select.select([reader], [], [], max(0.0, deadline_s - time.monotonic()))[0]:
            read = os.read(reader, 65536)
            if not read:
                break
            report += read
    finally:
        os.close(reader)
        if not report:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if not report:
        return {"died": f"no report within {limit_s:g} s, status {status}"}
    found: dict[str, Any] = json.loads(report)
    return found
