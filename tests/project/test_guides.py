"""The pages that guide a contributor: the files, the names and the commands in them exist."""

import contextlib
import importlib.util
import io
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from tidegate_gate import cli

ROOT = Path(__file__).parents[2]
INTERPRETER = (ROOT / "specs" / "docs" / "new-interpreter.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "specs" / "docs" / "contributing.md").read_text("utf-8")
BOTH = f"{INTERPRETER}\n{CONTRIBUTING}"
NEW = "3.16"
ELSEWHERE = {"Python/bytecodes.c", "Doc/library/dis.rst"}  # in CPython's source
STAND_INS = (NEW, "NAME")  # for what the contributor brings


def files(page: str) -> list[str]:
    """List the paths that a page names."""
    told = [*re.findall(r"`([\w./-]+)`", page), *re.findall(r"(?:tests|specs|kernel|stress)/[\w./-]+", page)]
    paths = {path.rstrip(".") for path in told if "/" in path and not any(word in path for word in STAND_INS)}
    return sorted(paths - ELSEWHERE)


def places(page: str) -> list[tuple[str, str]]:
    """List the names that a page says are in a file, with that file."""
    return re.findall(r"`(\w+)` (?:in|of|of tox|of `Walk`)\s+`([\w./-]+)`", page)


def commands(page: str) -> list[str]:
    """List the commands of a page."""
    return [
        line.strip() for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines() if line.strip()
    ]


def said_of(words: Sequence[str]) -> str:
    """Give what a command says of words that it refuses, as the last of them is no option of it. It does nothing."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        cli.main([*words, "--no-such-option"])
    return told.getvalue()


def is_there(name: str, file: str) -> bool:
    """Tell whether a file binds a name at its top level."""
    return re.search(rf"^(class )?{name}\b", (ROOT / file).read_text("utf-8"), re.MULTILINE) is not None


def works(command: str) -> bool:
    """Tell whether the program of a command is one that a contributor has, and its options and files are there."""
    program, *words = shlex.split(re.sub(r"^\.venv(-[\d.]+)?/bin/", "", command).partition(" > ")[0])
    if program == "tidegate":
        told = said_of(words)  # also of options that no help shows
        return told.startswith(f"usage: tidegate {words[0]}") and told.endswith("unrecognized arguments: --no-such-option\n")
    if program == "pytest":
        return all((ROOT / word).exists() for word in words)
    if program == "python":
        package = importlib.util.find_spec(words[1])
        return package is not None and (
            package.submodule_search_locations is None or importlib.util.find_spec(f"{words[1]}.__main__") is not None
        )
    return program in {f"python{NEW}", "python3", "pip", "."}


def test_there_are_ten_steps_to_a_new_interpreter() -> None:
    assert re.findall(r"^## (\d+)\. ", INTERPRETER, re.MULTILINE) == [str(number) for number in range(1, 11)]
    assert len(INTERPRETER.splitlines()) < 132, "a page"


def test_what_can_be_added_has_a_section_each() -> None:
    found = re.findall(r"^## (.*)", CONTRIBUTING, re.MULTILINE)
    assert found == ["A mutant", "A check", "A clause", "An adapter", "An interpreter", "A peer"]
    assert CONTRIBUTING.count("\nRed if forgotten") == len(found) - 1, "an interpreter has a page of its own"
    assert len(CONTRIBUTING.splitlines()) <= 150, "a page"


@pytest.mark.parametrize("file", files(BOTH))
def test_their_files_exist(file: str) -> None:
    assert (ROOT / file).exists()


@pytest.mark.parametrize(("name", "file"), places(BOTH))
def test_their_names_are_where_they_say(name: str, file: str) -> None:
    assert is_there(name, file)


@pytest.mark.parametrize("command", commands(BOTH))
def test_their_commands_exist(command: str) -> None:
    assert works(command)


def test_what_they_say_is_looked_at() -> None:
    for page in (INTERPRETER, CONTRIBUTING):
        assert len(files(page)) > 12
        assert len(places(page)) >= 5
        assert sum(command.startswith("tidegate") for command in commands(page)) >= 10


def test_planted_faults_are_found() -> None:
    page = "see `GROUPS` of `specs/gone.py`\n\n   ```sh\n   tidegate verify --nothing\n   pytest tests/gone.py\n   ```\n"
    assert [file for file in files(page) if not (ROOT / file).exists()] == ["specs/gone.py", "tests/gone.py"]
    assert places(page) == [("GROUPS", "specs/gone.py")]
    assert not is_there("GROUPS", "specs/tidegate_specs/check.py")
    assert [works(command) for command in commands(page)] == [False, False]
