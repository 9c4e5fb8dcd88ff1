"""Checks that go wrong in every way a check can."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tidegate_specs.check import Check, Result, Settings, Subject, Verdict
from tidegate_specs.progress import progress

_LIMIT_S = 3.0


def _fine(_subject: Subject, _settings: Settings) -> Result:
    return Result(Verdict.OK, "1,000 x 50 steps")


def _illegal(_subject: Subject, _settings: Settings) -> Result:
    return Result(Verdict.ILLEGAL, "2 of 3 accepted", "offer(a) -> ACCEPTED\noffer(b) -> \x1b[31mACCEPTED", ("ONE-1",))


def _unknown(_subject: Subject, _settings: Settings) -> Result:
    return Result(Verdict.UNKNOWN, "the machine is too noisy")


def _hang(_subject: Subject, _settings: Settings) -> Result:
    """Hang, with a thread and a process of its own; tell the processes' ids to whoever asked for them."""
    threading.Thread(target=time.sleep, args=(600,)).start()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as helper:
        progress("about to hang")
        if told := os.environ.get("FAULTY_PIDS"):
            Path(told).write_text(f"{os.getpid()} {helper.pid}", encoding="utf-8")
        time.sleep(600)
    return Result(Verdict.OK, "never")


def _crash(_subject: Subject, _settings: Settings) -> Result:
    sys.stderr.write("last words\n")
    sys.stderr.flush()
    os._exit(9)


def _abort(_subject: Subject, _settings: Settings) -> Result:
    os.abort()


def _raise(_subject: Subject, _settings: Settings) -> Result:
    raise ZeroDivisionError("inside the check")


def _leave(_subject: Subject, _settings: Settings) -> Result:
    sys.exit(0)


def _fork(_subject: Subject, _settings: Settings) -> Result:
    child = os.fork()
    if child == 0:
        return Result(Verdict.OK, "said by the child")
    os.waitpid(child, 0)
    return Result(Verdict.OK, "1 fork")


def _check(
    name: str,
    run: Callable[[Subject, Settings], Result],
    clauses: tuple[str, ...] = ("ONE-1",),
    limit_s: float = 60.0,
) -> Check:
    return Check(f"faulty.{name}", "faulty", "Fake", clauses, "much", "little", run, (limit_s, limit_s))


CHECKS = (
    _check("fine", _fine, ("ONE-1", "TWO-1", "THREE-1", "FOUR-1")),
    _check("illegal", _illegal, ("ONE-1", "TWO-1")),
    _check("unknown", _unknown, ("THREE-1",)),
    _check("hang", _hang, limit_s=_LIMIT_S),
    _check("hang_long", _hang),
    _check("crash", _crash),
    _check("abort", _abort),
    _check("raise", _raise),
    _check("leave", _leave),
    _check("fork", _fork),
    _check("last", _fine, ("FOUR-1",)),
)
