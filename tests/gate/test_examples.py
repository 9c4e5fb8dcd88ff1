"""No example in the help of any command is dead: each is run, or, where it takes long, everything up to the work itself."""

import importlib
import io
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tidegate_gate import cli
from tidegate_specs.operators import command as operators

COMMANDS = {name: command.module for name, command in cli._COMMANDS.items()}
# Where the long commands begin to work, with all names looked up.
WORK = {
    "tidegate_specs.explore.command": ("table", "_plain", "_sample", "cost_of", "connected"),
    "tidegate_specs.prove.command": ("_run",),
    "tidegate_specs.walk": ("_walked",),
    "tidegate_specs.mutation": ("kill_matrix",),
    "tidegate_specs.operators.command": ("core_sources",),
    "tidegate_gate.verify": ("_carry_out", "_merge", "levels"),
    "tidegate_gate.peers": ("judge_peers", "read"),
    "tidegate_stress.bench": ("run_bench",),
    "tidegate_stress.lab.command": ("_run", "_saved", "stress_own"),
    "tidegate_stress.size.command": ("load", "opened"),
    "tidegate_stress.freshness.command": ("_measured", "_saved"),
    "tidegate_stress.simulator.command": ("_run", "_saved"),
    "tidegate_stress.web.command": ("_run",),
}


# What the examples of `tidegate explore` name: a program without a race.
RACE = """
from threading import Lock, Thread

def transfer():
    lock, moved = Lock(), []
    def move():
        with lock:
            moved.append(len(moved))
    threads = [Thread(target=move) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert moved == [0, 1]

program = transfer
"""


class Reached(BaseException):
    """Raised where a command would begin its work."""


def examples(help_text: str) -> list[str]:
    """Give the examples in a help text, without what is said of them."""
    told = help_text.partition("examples:\n")[2].partition("\n\n")[0]
    return [re.split(r"\s{2,}", line.strip())[0] for line in told.splitlines()]


def help_of(*words: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        told = io.StringIO()
        patch.setattr(sys, "stdout", told)
        assert cli.main([*words, "--help"]) == 0
    return told.getvalue()


def every_example() -> Iterator[str]:
    yield from examples(help_of())
    for name in COMMANDS:
        yield from examples(help_of(name))
    yield from examples(operators.EPILOG)


EXAMPLES = list(dict.fromkeys(every_example()))


@pytest.fixture(autouse=True)
def up_to_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def reached(*_words: object, **_options: object) -> Any:
        raise Reached

    for module, names in WORK.items():
        for name in names:
            monkeypatch.setattr(importlib.import_module(module), name, reached)
    monkeypatch.setattr("shutil.which", str)  # as if what an example asks for on PATH were there
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src/myapp").mkdir(parents=True)
    (tmp_path / "race.py").write_text(RACE)


def tried(example: str) -> int | None:
    """Give the exit code of an example, or None where it came to its work."""
    try:
        return cli.main(shlex.split(example)[1:])
    except Reached:
        return None


def test_every_command_has_examples() -> None:
    for name in COMMANDS:
        assert any(example.startswith(f"tidegate {name}") for example in examples(help_of(name))), name
    assert len(EXAMPLES) > 60


@pytest.mark.parametrize("example", [example for example in EXAMPLES if "COMMAND" not in example])
def test_an_example_works(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    if "--vendored" in example or ("vendor" in example and "--update" in example):
        folder = shlex.split(example)[-1 if "--vendored" in example else 2]
        with_it = ["--with", "executor"] if "--without executor" in example else []
        assert cli.main(["vendor", "src/myapp/_gate" if folder == "DIR" else folder, *with_it]) == 0
        example = example.replace("DIR", "src/myapp/_gate")
    if "--operators" in example:
        pytest.importorskip("cosmic_ray", reason="what makes operators' mutants is of the dev extra")
    wanted = 1 if "mutant:double_release" in example else 0
    assert tried(example) in (None, wanted), capsys.readouterr().err


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example.startswith("tidegate verify --check")])
def test_the_checks_that_are_named_are_there(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert cli.main([*shlex.split(example)[1:], "--list"]) == 0


@pytest.mark.parametrize(
    "dead",
    [
        "tidegate replay 'close-offer-take@3.11:A99999'",
        "tidegate explore no-such-one",
        "tidegate verify --no-such-option",
        "tidegate verify --clause BOUND-9",
        "tidegate mutants no_such_one",
        "tidegate stress --case no-such-one",
        "tidegate nosuch",
    ],
)
def test_a_dead_example_is_found(dead: str) -> None:
    assert tried(dead) == 2
