"""The conformance statement: what it says, when there is none, and that the one that is checked in is of the kernel that is."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tidegate import __version__
from tidegate_gate.cli import main
from tidegate_gate.plan import Answer, Group, Planned, Request
from tidegate_gate.report import judge
from tidegate_gate.statement import as_statement, kernel_rows
from tidegate_specs.check import Verdict
from tidegate_specs.document.cite import content_hash
from tidegate_specs.registry import CLAUSES

ROOT = Path(__file__).parents[2]
FAKES = Path(__file__).parent / "fakes"
CHECKED_IN = ROOT / "specs" / "statements" / f"{__version__}.md"
RENEW = f"tidegate verify --profile full --statement specs/statements/{__version__}.md"
GROUP = Group("some", "some")


def planned(name: str, tool: str, *clauses: str) -> Planned:
    return Planned(f"some.{name}", GROUP, tool, clauses, "", "", (1.0, 1.0))


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]


def command(file: Path, modules: Sequence[str]) -> list[str]:
    words = [sys.executable, "-m", "tidegate_gate", "verify", "--clauses-from", "contract", "--statement", str(file)]
    return words + [word for module in modules for word in ("--checks-from", module)]


def environment() -> dict[str, str]:
    """Let the gate find the fake modules of checks."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(FAKES), *filter(None, [os.environ.get("PYTHONPATH")])])}


def gate(file: Path, modules: Sequence[str] = ("fine",)) -> subprocess.CompletedProcess[str]:
    words = command(file, modules)
    return subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=60, check=False)


def test_the_statement_of_this_version_is_of_this_kernel_and_this_contract() -> None:
    """The files' digests, not their text: any change makes what was stated of them a statement about something else."""
    assert CHECKED_IN.is_file(), f"there is no statement of {__version__}; write it: {RENEW}"
    said = rows(CHECKED_IN.read_text("utf-8"))
    for row in kernel_rows():
        assert list(row) in said, f"the kernel has changed since the statement was written; renew it: {RENEW}"
    (contract,) = (row[1] for row in said if row[0] == "contract")
    assert f"SHA-256 {content_hash()} " in contract, f"the contract has changed since the statement was written; renew it: {RENEW}"


def test_the_statement_of_this_version_is_about_every_clause() -> None:
    said = rows(CHECKED_IN.read_text("utf-8"))
    found = {row[0]: row[1:] for row in said if re.fullmatch(r"[A-Z]+-\d", row[0])}
    assert list(found) == [clause.id for clause in CLAUSES], f"renew it: {RENEW}"
    assert {verdict for verdict, _ in found.values()} == {"OK"}
    assert all(re.search(r" \d+", rests_on) for _, rests_on in found.values())
    assert ["verdict", "OK"] in said


def test_a_statement_says_what_was_judged_and_the_verdict_on_each_clause() -> None:
    plan = [planned("b", "Hypothesis", "ONE-1"), planned("a", "z3", "ONE-1", "TWO-1"), planned("c", "Hypothesis", "ONE-1")]
    verdicts = (Verdict.OK, Verdict.UNKNOWN, Verdict.OK)
    answers = [Answer(check, verdict, "", "", (), 1.5) for check, verdict in zip(plan, verdicts, strict=True)]
    request = Request("tidegate", "full", 7)
    reports = judge(["ONE-1", "TWO-1", "SIX-1"], answers)
    text = as_statement(Verdict.UNKNOWN, reports, plan, request)
    assert text.startswith(f"# Conformance of tidegate {__version__}\n")
    said = rows(text)
    assert ["ONE-1", "UNKNOWN", "Hypothesis 2, z3 1; some.a UNKNOWN"] in said
    assert ["TWO-1", "UNKNOWN", "z3 1; some.a UNKNOWN"] in said
    assert ["SIX-1", "UNKNOWN", "none"] in said
    assert ["run", "profile full, seed 7, 3 checks"] in said
    assert ["reproduced by", "`tidegate verify --profile full --seed 7 --statement FILE`"] in said
    assert "- some: b, a, c\n" in text
    slower = [Answer(answer.check, answer.verdict, "other figures", "", (), 9.0) for answer in reversed(answers)]
    assert as_statement(Verdict.UNKNOWN, judge(["ONE-1", "TWO-1", "SIX-1"], slower), plan, request) == text


def test_a_run_writes_the_same_statement_again(tmp_path: Path) -> None:
    texts: list[str] = []
    for name in ("1.md", "2.md"):
        run = gate(tmp_path / name)
        assert run.returncode == 0, run.stdout + run.stderr
        texts.append((tmp_path / name).read_text("utf-8"))
    assert texts[0] == texts[1]
    assert ["ONE-1", "OK", "Fake 2"] in rows(texts[0])


def test_a_clause_without_a_check_is_stated_so(tmp_path: Path) -> None:
    assert gate(tmp_path / "s.md", modules=("partial",)).returncode == 3
    said = rows((tmp_path / "s.md").read_text("utf-8"))
    assert ["verdict", "UNKNOWN"] in said
    assert ["THREE-1", "UNKNOWN", "none"] in said


def test_there_is_no_statement_of_a_run_that_was_interrupted(tmp_path: Path) -> None:
    with subprocess.Popen(command(tmp_path / "s.md", modules=("faulty",)), env=environment(), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith(b"[ 1/"))
        process.send_signal(signal.SIGINT)
        assert b"stopped by SIGINT" in process.communicate(timeout=60)[0]
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "other"),
    [
        (["--check", "x"], "--check"),
        (["--clause", "BOUND-1"], "--clause"),
        (["--shard", "1/2"], "--shard"),
        (["--budget", "5m"], "--budget"),
        (["--subject", "other"], "--subject"),
        (["--vendored", "folder"], "--vendored"),
        (["--merge", "1.json"], "--merge"),
        (["--list"], "--list"),
    ],
)
def test_there_is_no_statement_of_a_part_or_of_something_else(
    options: list[str], other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--statement", str(tmp_path / "s.md"), *options]) == 2
    wanted = f"tidegate verify: --statement is of a whole run on what is installed: {other} cannot go with it\n"
    assert capsys.readouterr().err == wanted
    assert list(tmp_path.iterdir()) == []


def test_a_statement_that_cannot_be_written_is_said_before_the_run(tmp_path: Path) -> None:
    run = gate(tmp_path / "absent" / "s.md")
    assert run.returncode == 2
    assert "--statement: no folder" in run.stderr
    assert run.stdout == ""
