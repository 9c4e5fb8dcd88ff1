"""The page on adding an interpreter has ten steps, and the files, names and commands in it exist."""

import contextlib
import importlib.util
import io
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from tidegate_stress import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "specs" / "docs" / "new-interpreter.md").read_text("utf-8")
NEW = "3.16"
CPYTHONS = {"Python/bytecodes.c", "Doc/library/dis.rst"}
TOLD = [*re.findall(r"`([\w./-]+)`", PAGE), *re.findall(r"(?:tests|specs|kernel|stress)/[\w./-]+", PAGE)]
FILES = sorted({path.rstrip(".") for path in TOLD if "/" in path and NEW not in path} - CPYTHONS)
PLACES = re.findall(r"`(\w+)` (?:in|of tox|of `Walk`)\s*`([\w./-]+)`", PAGE)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def said_of(words: Sequence[str]) -> str:
    """Give what a command says of words that it refuses, as the last of them is no option of it. It does nothing."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        assert cli.main([*words, "--no-such-option"]) == 2
    return told.getvalue()


def test_there_are_ten_steps() -> None:
    assert re.findall(r"^## (\d+)\. ", PAGE, re.MULTILINE) == [str(number) for number in range(1, 11)]
    assert len(PAGE.splitlines()) < 132, "a page"


@pytest.mark.parametrize("file", FILES)
def test_its_files_exist(file: str) -> None:
    assert (ROOT / file).exists()


@pytest.mark.parametrize(("name", "file"), PLACES)
def test_its_names_are_where_it_says(name: str, file: str) -> None:
    assert re.search(rf"^(class )?{name}\b", (ROOT / file).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_exist(command: str) -> None:
    program, *words = shlex.split(command.removeprefix(f".venv-{NEW}/bin/"))
    if program == "tidegate":
        told = said_of(words)
        assert told.startswith(f"usage: tidegate {words[0]}")
        assert told.endswith("error: unrecognized arguments: --no-such-option\n"), "also of options that no help shows"
    elif program == "pytest":
        assert all((ROOT / word).exists() for word in words)
    elif program == "python":
        name = words[1]
        package = importlib.util.find_spec(name)
        assert package is not None
        assert package.submodule_search_locations is None or importlib.util.find_spec(f"{name}.__main__") is not None
    else:
        assert program in {f"python{NEW}", "pip", "."}


def test_a_planted_option_is_found() -> None:
    assert said_of(["explore", "--upgrade"]).endswith("error: unrecognized arguments: --upgrade --no-such-option\n")


def test_what_it_says_is_looked_at() -> None:
    assert len(FILES) > 12
    assert len(PLACES) >= 5
    assert sum(command.startswith("tidegate") for command in COMMANDS) >= 10
