"""A real Ctrl-C ends every command soon, with exit code 3 and no process left behind."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tidegate_specs.check import Verdict
from tidegate_specs.prove import command as prove
from tidegate_specs.prove import solver as z3
from tidegate_specs.prove.obligation import Base

LIMIT_S = 60  # for a start on a busy machine; the ends are judged by what was left undone
STOP_S = 10  # two seconds, on a machine that does something else as well


def started(*words: str) -> subprocess.Popen[str]:
    """Start a command in a session of its own, so that whatever it starts can be found. Its Ctrl-C is not ignored."""
    return subprocess.Popen(
        [sys.executable, "-c", f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{MAIN}", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", MARK: str(os.getpid())},
    )


# How far it is, it tells at once: on a fast machine it would be done before the two quiet seconds are over.
MAIN = """
import sys
from tidegate_specs import progress
from tidegate_gate.cli import main
progress._QUIET_S = 0
sys.exit(main(sys.argv[1:]))
"""
MARK = "TIDEGATE_TEST_INTERRUPT"


def left() -> list[int]:
    """Give the processes that were started by what this test started, whatever session they are in."""
    mark = f"{MARK}={os.getpid()}".encode()
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def until(process: subprocess.Popen[str], text: str) -> str:
    """Read what a command says up to a text."""
    assert process.stdout is not None
    watchdog = threading.Timer(LIMIT_S, process.kill)
    watchdog.start()
    try:
        said = ""
        for line in process.stdout:
            said += line
            if text in line:
                return said
    finally:
        watchdog.cancel()
    raise AssertionError(said)


def interrupted(process: subprocess.Popen[str], text: str) -> str:
    """Interrupt a command once it has said a text; give all that it said."""
    try:
        said = until(process, text)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=STOP_S)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    assert process.returncode == 3, rest
    assert "Traceback" not in rest
    return said + rest


@pytest.mark.parametrize(
    ("words", "text", "end"),
    [
        (("prove",), "inductive: 0 of 278 obligations", "interrupted at inductive: "),
        (("walk", "--capacity", "6"), "states", "interrupted at capacity 6: "),
        (("mutants",), "the kernel itself", "interrupted"),
        (("mutants", "lifo", "--group", "scenarios", "--profile", "full"), "the kernel itself", "interrupted"),
        (("mutants", "--adapters"), "the kernel itself", "interrupted"),
        (("explore", "--reduce"), "OK", "interrupted"),
    ],
)
def test_an_interrupted_command_ends(words: tuple[str, ...], text: str, end: str) -> None:
    assert end in interrupted(started(*words), text)
    for pid in left() if sys.platform == "linux" else ():  # killed, and perhaps not yet gone
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            assert select.select([descriptor], [], [], STOP_S)[0], pid
            os.close(descriptor)


def test_an_interrupted_bench_ends() -> None:
    assert "nothing was judged" in interrupted(started("bench", "--subjects", "ring"), "")  # its first word comes when it measures


def test_the_solver_is_stopped_in_the_middle_of_a_question() -> None:
    x, y, z = z3.Ints("x y z")
    begun = threading.Event()

    def ask_without_end() -> Verdict:
        base = Base(x > 2, y > 2, z > 2, x**5 + y**5 == z**5)
        begun.set()
        assert base.met
        return Verdict.OK

    def press() -> None:
        begun.wait(LIMIT_S)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        prove._interruptible(ask_without_end)
    thread.join(LIMIT_S)
