"""The end of the interpreter, and a fork, with works in an executor."""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final, cast

from ..check import Result, Settings, Subject
from .executor_jobs import LIMIT_S, Tally
from .support import module_of

# The interpreter's exit.

PROGRAM: Final = """
import atexit, os, sys, threading, time
late = []
def after():
    made = RejectingExecutor(1, 1)
    for executor in (late[0], made):
        os.write(1, b"late:" + executor.try_submit(int).value.encode() + b" ")
atexit.register(after)
from {package}.adapters.executor import RejectingExecutor
atexit.register(os.write, 1, b"atexit ")
gate = threading.Event()
def open_gate():  # until the main thread is over no work can end
    threading.main_thread().join()
    gate.set()
threading.Thread(target=open_gate).start()
def work(name):
    gate.wait()
    time.sleep(0.02)  # longer than an interpreter takes to exit that waits for nobody
    os.write(1, name.encode() + b" ")
kept, closed, dropped = (RejectingExecutor(4, 1) for _ in range(3))
late.append(kept)
for number in range(4):
    kept.submit(work, f"kept{{number}}")
    closed.submit(work, f"closed{{number}}")
    dropped.submit(work, f"dropped{{number}}")
closed.shutdown(wait=False)
del dropped
os.write(1, b"end ")
{last}
"""
LAST: Final = {"returns": "", "raises": "raise SystemExit(0)"}
FORKED: Final = """
import multiprocessing, os, sys, time, warnings
from {package}.adapters.executor import RejectingExecutor
def work(name):
    time.sleep(0.02)
    os.write(1, name.encode() + b" ")
def child():  # up to 3.12 it ends without its handlers of atexit
    kept, closed, dropped = (RejectingExecutor(4, 1) for _ in range(3))
    for number in range(4):
        kept.submit(work, f"kept{{number}}")
        closed.submit(work, f"closed{{number}}")
        dropped.submit(work, f"dropped{{number}}")
    closed.shutdown(wait=False)
    globals().update(kept=kept)
    os.write(1, b"end late:" + parents.try_submit(int).value.encode() + b" ")
    parents.shutdown(cancel_futures=True)
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
parents = RejectingExecutor(1, 1)
parents.submit(time.sleep, 0.2)
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join()
os.write(1, b"late:closed " * (process.exitcode == 0) + b"atexit ")
"""


def _write_sources(package: str, folder: Path) -> None:
    """Write the sources of an imported package, which may be in memory only, to where another process can import them."""
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(package + "."):
            loader = module.__spec__.loader if module.__spec__ else None
            source = cast(Any, loader).get_source(name)
            path = folder.joinpath(*name.split("."))
            path = path / "__init__.py" if hasattr(module, "__path__") else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
    for number in range(1, package.count(".") + 1):  # regular packages above it: those are found before others of their names
        folder.joinpath(*package.split(".")[:number], "__init__.py").touch()


def run_exit(subject: Subject, _settings: Settings) -> Result:
    """Let interpreters exit while works are accepted, and see that all ran and that the process ended."""
    package = cast(Any, subject).__name__
    module_of(subject, "executor")
    expected = {f"{kind}{number}" for kind in ("kept", "closed", "dropped") for number in range(4)}
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        _write_sources(package, Path(folder))
        programs = {name: PROGRAM.format(package=package, last=last) for name, last in LAST.items()}
        programs |= {"is a forked child": FORKED.format(package=package)} if hasattr(os, "fork") else {}
        for name, program in programs.items():
            if tally.witness:
                break
            try:
                done = subprocess.run(
                    [sys.executable, "-W", "error", "-c", f"import sys; sys.path.insert(0, {folder!r})\n{program}"],
                    capture_output=True,
                    timeout=LIMIT_S * 2,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                tally.unended += 1
                tally.note(f"a program that {name} with works accepted did not end")
                continue
            told = done.stdout.decode().split()
            before = told[: told.index("atexit")] if "atexit" in told else []
            ran = Counter(told)
            tally.unended += len(expected - set(before))
            tally.doubled += sum(ran[work] > 1 for work in expected)
            right = ran == Counter([*expected, "end", "late:closed", "late:closed", "atexit"]) and expected <= set(before)
            if not right or done.returncode or done.stderr:
                missing = sorted(expected - set(before))
                tally.unended += not missing
                tally.note(f"a program that {name}: {missing} never ran, or too late; {done.stdout!r} {done.stderr!r}")
    return tally.judge(f"{len(programs)} interpreters exited with {len(expected)} works accepted in each")
