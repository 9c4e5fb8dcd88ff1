"""Programs of others under the explorer: what is simulated, what is refused, and what is rewritten."""

import importlib.util
import os
import signal
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

from tidegate_specs.check import Verdict
from tidegate_specs.explore.own import NotSimulated, Result, Target, engine, run, world
from tidegate_specs.explore.own.engine import Engine
from tidegate_specs.explore.own.search import Search, decode, encode, fault_of
from tidegate_specs.explore.own.world import World

EXPLORED = Path(__file__).parent / "explored"


def plainly(name: str) -> types.ModuleType:
    """Import a file of `explored` as Python does."""
    spec = importlib.util.spec_from_file_location(name, EXPLORED / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = [each.__name__ for each in plainly("primitives").CASES]


def search(text: str, folder: Path, name: str = "program", **options: Any) -> tuple[Search, Path]:
    file = folder / "own.py"
    file.write_text(text, "utf-8")
    prepared, _ = Target(str(file), name).prepared(**options)
    return prepared, file


def explored(text: str, folder: Path, **limits: Any) -> Result:
    prepared, _ = search(text, folder)
    with prepared:
        return prepared.reduced(**limits)


@pytest.mark.parametrize("name", CASES)
def test_what_holds_with_real_threads_holds_under_every_schedule(name: str) -> None:
    getattr(plainly("primitives"), name)()
    prepared, _ = Target(str(EXPLORED / "primitives.py"), name).prepared()
    with prepared:
        result = prepared.reduced()
    assert result.verdict is Verdict.OK, f"{result}\n{result.failure}"


def test_the_rewritten_source_computes_the_same() -> None:
    assert World(Engine()).load(str(EXPLORED / "plain.py")).everything() == plainly("plain").everything()


THREADS = """
import threading
def both(one, other):
    threads = [threading.Thread(target=each) for each in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""

REFUSED = {
    "a lock of others": (
        "import logging\nhandler = logging.Handler()\ndef program():\n    both(lambda: handler.lock.acquire(), lambda: None)\n",
        "calls acquire of a real RLock",
    ),
    "a socket": ("import socket\ndef program():\n    both(lambda: socket.socket(), lambda: None)\n", "makes a socket.socket"),
    "a process": ("import subprocess\ndef program():\n    both(lambda: subprocess.run(['true']), int)\n", "calls subprocess.run"),
    "asyncio": ("import asyncio\ndef program():\n    both(lambda: asyncio.run(None), int)\n", "calls asyncio.runners.run"),
    "a global of a module": (
        "import sys\ndef change():\n    sys.tidegate_test = 1\ndef program():\n    both(change, int)\n",
        "sets tidegate_test of the module sys",
    ),
    "parts of a value": (
        "def look():\n    match [1]:\n        case [x]:\n            return x\ndef program():\n    both(look, int)\n",
        "a match on the parts of a value",
    ),
    "code as text": ("def program():\n    both(lambda: exec('1'), int)\n", "exec can't be explored"),
    "many threads": (
        "def program():\n    for _ in range(20):\n        threading.Thread(target=threading.Event().wait, daemon=True).start()\n",
        "more than 12 threads",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_simulated_is_named_with_its_place(name: str, tmp_path: Path) -> None:
    text, why = REFUSED[name]
    result = explored(THREADS + text, tmp_path)
    assert result.verdict is Verdict.UNKNOWN
    assert why in result.why_not
    assert "own.py:" in result.why_not


def test_what_is_refused_stays_so_when_the_program_swallows_it(tmp_path: Path) -> None:
    text = """
import socket
def careful():
    try:
        socket.create_connection(("localhost", 1))
    except BaseException:
        pass
def program():
    both(careful, careful)
"""
    assert explored(THREADS + text, tmp_path).verdict is Verdict.UNKNOWN


def test_a_wait_that_nobody_foresaw_is_found_and_named(tmp_path: Path) -> None:
    text = """
import os
READER, WRITER = os.pipe()
def program():
    both(lambda: os.read(READER, 1), lambda: None)
"""
    result = explored(THREADS + text, tmp_path)
    assert result.verdict is Verdict.UNKNOWN
    assert "waits at" in result.why_not
    assert "own.py:13, in what is not simulated" in result.why_not


def test_a_thread_that_spins_is_unknown(tmp_path: Path) -> None:
    text = """
class Flag:
    up = False
def program():
    flag = Flag()
    def spin():
        while not flag.up:
            pass
    thread = threading.Thread(target=spin)
    thread.start()
    thread.join()
"""
    result = explored(THREADS + text, tmp_path)
    assert result.verdict is Verdict.UNKNOWN
    assert "does a thread spin?" in result.why_not


def test_a_program_that_is_not_deterministic_is_unknown_or_says_so(tmp_path: Path) -> None:
    text = """
RUNS = []
class Box:
    value = 0
def program():
    box = Box()
    def add():
        if len(RUNS) % 3:
            box.value += 1
        box.value += 1
    RUNS.append(1)
    both(add, add)
"""
    result = explored(THREADS + text, tmp_path)
    assert result.verdict is Verdict.UNKNOWN
    assert "not deterministic" in result.why_not or "of" in result.why_not


def test_daemons_may_wait_for_ever_and_others_may_not(tmp_path: Path) -> None:
    text = "import queue\ndef program():\n    threading.Thread(target=queue.Queue().get, daemon=%s).start()\n"
    assert explored(THREADS + text % True, tmp_path).verdict is Verdict.OK
    failed = explored(THREADS + text % False, tmp_path)
    assert failed.failure is not None
    assert failed.failure.message.startswith("deadlock: Thread-1 waits for a lock at")


LOST = """
class Counter:
    def __init__(self):
        self.value = 0
    def add(self):
        self.value += 1
def program():
    counter = Counter()
    both(counter.add, counter.add)
    assert counter.value == 2
def right():
    counter = Counter()
    lock = threading.Lock()
    def add():
        with lock:
            counter.value += 1
    both(add, add)
    assert counter.value == 2
"""


def test_a_lost_update_is_found_its_steps_are_lines_and_its_id_replays_it(tmp_path: Path) -> None:
    prepared, file = search(THREADS + LOST, tmp_path)
    with prepared:
        result = prepared.reduced()
    assert result.verdict is Verdict.ILLEGAL
    assert result.schedules <= 2
    assert result.failure is not None
    lines = (THREADS + LOST).splitlines()
    place = f"{file}:{lines.index('        self.value += 1') + 1}"
    assert [step for step in result.failure.steps if place in step and "writes value" in step]
    again, _ = search(THREADS + LOST, tmp_path)
    with again:
        assert fault_of(again.replay(decode(result.failure.replay_id))) == result.failure.message


def interrupt(result: Result) -> None:
    signal.raise_signal(signal.SIGINT)


def test_limits_and_interruptions_are_unknown_and_tell_how_far_it_got(tmp_path: Path) -> None:
    prepared, _ = search(THREADS + LOST, tmp_path, "right")
    with prepared:
        limited = prepared.reduced(limit=1)
    assert (limited.verdict, limited.why_not) == (Verdict.UNKNOWN, "the limit of 1 schedules")
    assert "1 schedules" in str(limited)
    prepared, _ = search(THREADS + LOST, tmp_path, "right", progress=interrupt)
    with prepared:
        interrupted = prepared.reduced()
    assert (interrupted.verdict, interrupted.why_not, interrupted.schedules) == (Verdict.UNKNOWN, "interrupted", 1)
    prepared, _ = search(THREADS + LOST, tmp_path, "right")
    with prepared:
        assert prepared.reduced(budget_s=1e-9).why_not == "the budget of 1e-09 s"


def test_a_replay_id_is_written_and_read() -> None:
    steps = [0] * 3 + [1] + [0] * 2
    assert decode(encode(steps)) == steps
    with pytest.raises(ValueError, match="not a replay id"):
        decode("nonsense")
    with pytest.raises(ValueError, match=r"of Python 2\.7"):
        decode("2.7:A1")


def test_the_real_modules_stay_as_they_are() -> None:
    before = (threading.Lock, threading.Condition, vars(threading)["_time"])
    prepared, _ = Target(str(EXPLORED / "primitives.py"), "condition").prepared()
    with prepared:
        prepared.reduced(limit=1)
    assert (threading.Lock, threading.Condition, vars(threading)["_time"]) == before


def test_modules_beside_a_program_are_explored_and_installed_ones_only_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").write_text("from .inner import Counter\n", "utf-8")
    (package / "inner.py").write_text("import own_package\n" + LOST.partition("def program")[0], "utf-8")
    text = (
        "from own_package import Counter\nimport own_package.inner as inner\ndef program():\n"
        "    counter = inner.Counter()\n    assert inner.Counter is Counter\n"
        "    both(counter.add, counter.add)\n    assert counter.value == 2\n"
    )
    assert explored(THREADS + text, tmp_path).verdict is Verdict.ILLEGAL
    outside = vars(world)["_OUTSIDE"]
    monkeypatch.setattr(world, "_OUTSIDE", (*outside, tmp_path))
    named, _ = Target(str(tmp_path / "own.py"), "program", ("own_package",)).prepared()
    with named:
        assert named.reduced().verdict is Verdict.ILLEGAL


def test_a_function_inside_another_is_refused() -> None:
    def inner() -> None:
        pass

    assert "does not stand in a module" in run(inner).why_not


def test_a_stopped_thread_is_told_from_one_that_works() -> None:
    if not Path("/proc/self/task").exists():
        pytest.skip("the operating system does not tell")
    assert vars(engine)["_state"](threading.get_native_id()).startswith("R")
    assert vars(engine)["_state"](-1) == ""
    assert issubclass(NotSimulated, BaseException)
    assert not issubclass(NotSimulated, Exception)
    assert os.getpid() > 0
