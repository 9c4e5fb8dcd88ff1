"""`tidegate explore` on a program of one's own, and the pytest plugin: what they print, and their exit codes."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tidegate_specs.explore.command import main
from tidegate_specs.explore.own.command import names_a_program

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PROGRAM = """
import threading

class Counter:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()
    def add(self):
        self.value += 1
    def add_locked(self):
        with self.lock:
            self.value += 1

def run(name):
    counter = Counter()
    threads = [threading.Thread(target=getattr(counter, name)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2

def program():
    run("add")

def mended():
    run("add_locked")
"""
TESTS = """
from own_counter import Counter
from tidegate_specs.explore.own import explore

@explore(threads=[Counter.add, Counter.add], make=Counter)
def test_lost(counter):
    assert counter.value == 2

@explore(threads=[Counter.add_locked, Counter.add_locked], make=Counter)
def test_kept(counter):
    assert counter.value == 2

def test_plain():
    assert True
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    made = tmp_path / "own_counter.py"
    made.write_text(PROGRAM, "utf-8")
    return made


def test_a_fault_is_exit_1_with_its_steps_and_a_command_that_replays_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file)]) == 1
    told = capsys.readouterr().out
    assert "AssertionError (assert counter.value == 2)" in told
    assert f"{file}:9  self.value += 1   (writes value)" in told
    replay = next(line for line in told.splitlines() if line.startswith("replay: "))
    assert main(replay.removeprefix("replay: tidegate explore ").split()) == 1
    assert "AssertionError (assert counter.value == 2)" in capsys.readouterr().out


def test_ok_is_exit_0_by_file_and_by_module(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{file}:mended"]) == 0
    assert "mended: OK: 2 schedules" in capsys.readouterr().out
    assert main(["own_counter:mended"]) == 0


def test_cut_short_is_exit_3(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{file}:mended", "--limit", "1"]) == 3
    assert "UNKNOWN" in capsys.readouterr().out
    assert main([f"{file}:mended", "--budget", "0.000001"]) == 3
    assert main([f"{file}:mended", "--explore-replay", f"{sys.version_info[0]}.{sys.version_info[1]}:"]) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere.py"],
        ["nowhere.module:program"],
        ["{file}:nothing"],
        ["{file}:mended", "--budget", "0"],
        ["{file}:mended", "--explore-replay", "nonsense"],
        ["{file}:mended", "--explore-replay", "2.7:A1"],
    ],
)
def test_bad_usage_is_exit_2(arguments: list[str], file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([each.replace("{file}", str(file)) for each in arguments])
    assert stopped.value.code == 2
    assert "tidegate explore: error:" in capsys.readouterr().err


def test_a_file_without_a_program_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("", "utf-8")
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path / "empty.py")])
    assert stopped.value.code == 2


def test_the_value_of_an_option_is_no_program() -> None:
    assert names_a_program(["--budget", "5", "shop.stock:reserve"])
    assert names_a_program(["race.py"])
    assert not names_a_program(["offers-2-take-1", "--subject", "mutant:lost_slot"])
    assert not names_a_program(["--scheduler", "tcp://10.0.0.7:8786"])


def test_the_configurations_keep_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["offers-2-take-1", "--list"]) == 0
    assert "offers-2-take-1" in capsys.readouterr().out


PLUGIN = ["-p", "tidegate_specs.pytest_plugin"]


def test_the_plugin_is_no_entry_point_and_loads_nothing_of_the_explorer() -> None:
    """With one, pytest would rewrite the modules of the kernel, and what is judged would not be what is used."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "entry-points" not in project
    code = "import sys, tidegate_specs.pytest_plugin; sys.exit(any('explore' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_a_decorated_test_fails_with_a_replay_id_that_replays_it(
    file: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(test_own=TESTS)
    result = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*ILLEGAL: * schedules*",
            "*own_counter.py:9  self.value += 1*",
            "replay: pytest -p tidegate_specs.pytest_plugin --explore-replay *",
        ]
    )
    replay_id = next(line for line in result.stdout.lines if line.startswith("replay: ")).split()[-1]
    again = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", "--explore-replay", replay_id, "-k", "lost")
    again.assert_outcomes(failed=1, deselected=2)
    short = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", "--explore-budget", "0.000001", "-k", "kept")
    short.assert_outcomes(failed=1, deselected=2)
    short.stdout.fnmatch_lines(["*UNKNOWN*the budget of 1e-06 s*"])


def test_without_the_plugin_a_decorated_test_explores_all_the_same(file: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own=TESTS)
    blocked = ["-p", "no:tidegate", "-p", "no:cacheprovider"]
    pytester.runpytest_inprocess(*blocked).assert_outcomes(passed=2, failed=1)
