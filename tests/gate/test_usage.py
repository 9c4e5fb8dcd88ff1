"""Bad usage of any command ends with exit code 2 and a sentence, before any work."""

import argparse
import importlib
import math
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import tidegate
from tidegate_gate import cli
from tidegate_specs.check import Verdict
from tidegate_specs.explore import Report
from tidegate_specs.explore.configurations import BY_NAME
from tidegate_specs.explore.explorer import Explorer
from tidegate_specs.explore.judging import program_of
from tidegate_specs.explore.program import Limits

TIDEGATE = (sys.executable, "-m", "tidegate_gate")
COMMANDS = {name: command.module for name, command in cli._COMMANDS.items()}


class Parsed(Exception):
    """Carry the parser of a command out of it, before it reads its words."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def parser_of(module: str, *words: str) -> argparse.ArgumentParser:
    """Give the parser that a command makes."""

    def caught(self: argparse.ArgumentParser, *_: object) -> Any:
        raise Parsed(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", caught)
        try:
            importlib.import_module(module).main([*words, "--help"])
        except Parsed as found:
            return found.parser
    raise AssertionError(module)


def refused(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Have words refused by a command; give what it says of them."""
    assert cli.main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err.splitlines()[-1]


# Numbers.


def boundless(parser: argparse.ArgumentParser) -> list[str]:
    """Name the options that take a number below zero, no number, or one without end."""
    found: list[str] = []
    for action in parser._actions:
        for text in ("-1", "-0.5", "nan", "inf", "1e999"):
            if action.type is None:
                continue
            try:
                number = action.type(text) if callable(action.type) else text
            except (argparse.ArgumentTypeError, ValueError):
                continue
            if isinstance(number, (int, float)):
                found.append(action.dest)
                break
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_takes_a_number_without_limits(command: str) -> None:
    assert boundless(parser_of(COMMANDS[command])) == []


def test_a_planted_plain_number_is_found() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--file", type=Path)
    assert boundless(parser) == ["limit", "seconds"]


@pytest.mark.parametrize(
    "words",
    [
        *(("explore", "offers-2-take-1", option, "0") for option in ("--limit", "--seconds", "--sample")),
        ("explore", "offers-2-take-1", "--bound", "-1", "--update"),
        ("walk", "--capacity", "0"),
        ("walk", "--depth", "0"),
        ("replay", "close-offer-take@3.11:A1", "--width", "0"),
        ("verify", "--jobs", "0"),
        ("verify", "--budget", "0s"),
        ("verify", "--shard", "0/2"),
        ("bench", "--rounds", "0"),
        ("stress", "--seconds", "0"),
        ("mutants", "--seed", "-1"),
    ],
)
def test_a_limit_of_nothing_is_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert words[-1] in refused(words, capsys) or "-1" in words


def test_where_nothing_was_run_nothing_is_ok() -> None:
    assert Report("x", "access", -1, False, exhausted=True).verdict is Verdict.UNKNOWN
    program = program_of(BY_NAME["offers-2-take-1"], tidegate)
    with Explorer(program) as explorer:
        report = explorer.depth_first("access", -1, Limits())
    assert (report.schedules, report.verdict) == (0, Verdict.UNKNOWN)


@pytest.mark.parametrize(("option", "number"), [("--capacity", "7"), ("--capacity", "50"), ("--depth", "9"), ("--depth", "9" * 30)])
def test_a_walk_without_end_is_refused_with_its_size(option: str, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(["walk", option, number], capsys)
    assert number in said
    assert math.log10(float(number)) > 15 or "78,130 states" in said or "386,951 traces" in said


# What is for maintainers.


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_is_for_users(command: str) -> None:
    parser = parser_of(COMMANDS[command])
    told = parser.format_help()
    assert command == "vendor" or "--update" not in told
    for hidden in ("--run", "--module", "--checks-from", "--clauses-from"):
        assert hidden not in told
    for action in parser._actions:
        assert action.help, action.dest


# Names.


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explore", "offers-2-take-1", "--subject", "nosuch"), "No module named 'nosuch'"),
        (("explore", "offers-2-take-1", "--subject", "./nosuch"), "nosuch"),
        (("explore", "offers-2-take-1", "--subject", "mutant:nosuch"), "no mutant named nosuch"),
        (("explore", "offers-2-take-1", "--subject", "json"), "json has no Intake"),
        (("explore", "nosuch"), "no configuration 'nosuch'"),
        (("replay", "nosuch"), "nosuch"),
        (("prove", "nosuch"), "no family 'nosuch'"),
        (("mutants", "nosuch"), "no mutant nosuch"),
        (("mutants", "lifo", "--group", "nosuch"), "no group nosuch"),
        (("mutants", "lifo", "--group", "a=no.such"), "no group a in no.such"),
        (("mutants", "lifo", "--source", "nosuch"), "nosuch holds no package"),
        (("verify", "--subject", "nosuch", "--check", "scenarios.01"), "nosuch"),
        (("verify", "--subject", "json", "--check", "scenarios.01"), "json has no Intake"),
        (("verify", "--intake", "nosuch:Queue", "--check", "scenarios.01"), "nosuch"),
        (("verify", "--check", "nosuch.01"), "no check nosuch.01"),
        (("verify", "--clause", "nosuch-1"), "no clause NOSUCH-1"),
        (("verify", "--vendored", "nosuch"), "nosuch"),
        (("verify", "--merge", "nosuch.json"), "nosuch.json"),
        (("peers", "nosuch"), "no peer nosuch"),
        (("peers", "--from", "nosuch.json"), "nosuch.json"),
        (("spec", "--clause", "nosuch-1"), "no clause NOSUCH-1"),
        (("bench", "--subjects", "nosuch"), "no such subject: nosuch"),
        (("stress", "--subject", "nosuch"), "no subject nosuch"),
        (("stress", "--subject", "mutant:nosuch"), "no subject mutant:nosuch"),
        (("stress", "--subject", "json"), "json"),
        (("stress", "--case", "nosuch"), "no case nosuch"),
        (("stress", "--from", "nosuch.json"), "nosuch.json"),
        (("freshness", "--from", "nosuch.json"), "nosuch.json"),
        (("simulate", "--from", "nosuch.json"), "nosuch.json"),
        (("simulate", "--row", "nosuch"), "nosuch"),
        (("web", "--server", "nosuch"), "nosuch"),
        (("size", "--app", "nosuch:app"), "No module named 'nosuch'"),
        (("size", "--log", "nosuch"), "cannot read nosuch"),
        (("stress", "--callable", "nosuch:work"), "No module named 'nosuch'"),
        (("vendor", "./x", "--with", "nosuch"), "nosuch"),
    ],
)
def test_an_unknown_name_is_a_sentence(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.main(words)
    told = capsys.readouterr().err
    assert status == 2, told
    assert said in told
    assert "Traceback" not in told


def test_a_schedule_of_an_unknown_subject_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    schedule = f"close-offer-take@{importlib.import_module('tidegate_specs.explore.schedules').this_version()}:A1"
    for subject in ("nosuch", "json", "mutant:nosuch"):
        assert subject in refused(["replay", schedule, "--subject", subject], capsys)


# Files.

WRITERS = [
    ("verify", "--json"),
    ("verify", "--junit"),
    ("verify", "--markdown"),
    ("verify", "--statement"),
    ("verify", "--merge", "1.json", "--json"),
    ("peers", "--json"),
    ("bench", "--json"),
    ("stress", "--json"),
    ("stress", "--markdown"),
    ("stress", "--html"),
    ("freshness", "--json"),
    ("freshness", "--svg"),
    ("simulate", "--json"),
    ("web", "--json"),
    ("web", "--markdown"),
    ("web", "--html"),
    ("size", "--log", "x", "--json"),
    ("size", "--log", "x", "--html"),
    ("spec", "--html"),
    ("spec", "--tla"),
]


def test_every_option_for_a_file_to_write_is_tried() -> None:
    written = {"json", "junit", "markdown", "statement", "html", "svg", "tla"}
    found = {
        (name, f"--{action.dest}")
        for name, module in COMMANDS.items()
        for action in parser_of(module)._actions
        if action.dest in written and action.nargs != 0
    }
    assert found == {(words[0], words[-1]) for words in WRITERS}


@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
@pytest.mark.parametrize("target", ["nowhere/report", "folder", "file/report"])
def test_a_file_that_cannot_be_written_is_found_before_the_work(
    words: tuple[str, ...], target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert words[-1] in refused([*words, target], capsys)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_a_sentence() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        run = subprocess.run(
            [*TIDEGATE, "explore", "--list"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert (run.returncode, run.stderr) == (3, "tidegate explore: can't write: No space left on device\n")
    for words in (["spec", "--tla", "/dev/full"], ["verify", "--check", "audit.imports", "--json", "/dev/full"]):
        run = subprocess.run([*TIDEGATE, *words], capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 2
        assert "cannot write /dev/full: No space left on device" in run.stderr
        assert "Traceback" not in run.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_closed_stdout_is_a_sentence(command: str) -> None:
    line = shlex.join([*TIDEGATE, command])
    run = subprocess.run(f"{line} >&-", shell=True, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (2, "tidegate: standard output is closed\n")
    assert subprocess.run(f"{line} --nosuch 2>&-", shell=True, stdout=subprocess.DEVNULL, timeout=60, check=False).returncode == 2
