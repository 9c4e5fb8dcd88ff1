"""Somebody else's intake is judged by what it declares: from the command line, from Python, and as tests of pytest."""

import json
import os
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, cast

import pytest

from tidegate_gate.conformance import IDS, NotConforming, check_intake, each_clause
from tidegate_gate.verify import main
from tidegate_specs import scenarios
from tidegate_specs.check import Settings, Verdict
from tidegate_specs.clauses import CLAUSES
from tidegate_specs.conformance import CAPABILITIES, Expected, load_intake
from tidegate_specs.conformance.classes import CLASSES, why_not_applicable
from tidegate_specs.conformance.levels import LEVELS

INTAKES = Path(__file__).parent / "intakes"
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def adapters_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(INTAKES), *sys.path])


def gate(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(INTAKES), *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [sys.executable, "-m", "tidegate_gate", "verify", *options]
    environment = {**os.environ, "PYTHONPATH": path, **variables}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_a_right_one_is_ok_and_what_it_does_not_declare_is_not_judged(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    run = gate("--intake", "boxes:Box", "--check", "stateful", "--check", "scenarios", "--json", str(report))
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert (
        "n/a      LEASE-1       optional; not declared: release (taking frees the slot, so there is no lease to speak of)" in lines
    )
    assert any(line.startswith("n/a      NOWAIT-1      not testable here: ") for line in lines)
    assert any("checks not run, as what they need is not declared: " in line for line in lines)
    told = json.loads(report.read_text("utf-8"))
    assert told["intake"]["title"] == "a box"
    assert told["intake"]["not_applicable"].keys() >= {"NOWAIT-1", "LEASE-1", "CLOSE-1", "FORK-1"}
    assert {clause["verdict"] for clause in told["clauses"]} == {"OK"}
    assert not {clause["id"] for clause in told["clauses"]} & told["intake"]["not_applicable"].keys()


def test_a_wrong_one_is_illegal_with_the_shortest_history_and_the_command_that_replays_it() -> None:
    run = gate("--intake", "boxes:OneMore", "--check", "stateful.overfill", "--check", "stateful.enumeration")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "capacity 1: 3 items offered, accepted [0, 1], taken [0, 1]" in run.stdout
    assert "after Intake(1): offer; offer" in run.stdout
    assert "replay: tidegate verify --check stateful.overfill --seed 0 --profile quick --intake boxes:OneMore" in run.stdout
    assert "UNKNOWN  LOCAL-1" in run.stdout, "the enumeration went no further"


def test_an_expected_failure_is_no_failure(tmp_path: Path) -> None:
    junit, report = tmp_path / "report.xml", tmp_path / "report.json"
    options = ("--junit", str(junit), "--json", str(report))
    run = gate("--intake", "boxes:OneMoreAsExpected", "--check", "stateful.overfill", *options, GITHUB_ACTIONS="true")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "EXPECTED BOUND-1 " in run.stdout
    assert "it is a test (https://example.org/why)" in " ".join(run.stdout.split())
    assert "1 ILLEGAL as expected" in run.stdout.splitlines()[-1]
    assert "OK       LOCAL-1" in run.stdout, "what was looked at to the end is not UNKNOWN for another clause's fault"
    assert "::error" not in run.stdout
    root = ET.parse(junit).getroot()
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    assert any(skipped.get("message", "").startswith("expected: ") for skipped in root.iter("skipped"))
    told = {clause["id"]: clause for clause in json.loads(report.read_text("utf-8"))["clauses"]}
    assert told["BOUND-1"]["verdict"] == "ILLEGAL"
    assert told["BOUND-1"]["expected"]["reason"] == "it is a test"


@pytest.mark.parametrize("intake", ["Pickles", "PicklesAsExpected"])
def test_one_that_serialises_its_items_breaks_one_clause_and_is_judged_on_the_others(intake: str) -> None:
    run = gate("--intake", f"boxes:{intake}")
    expected = intake == "PicklesAsExpected"
    assert run.returncode == (0 if expected else 1), run.stdout + run.stderr
    assert ("EXPECTED HOSTILE-1" if expected else "ILLEGAL  HOSTILE-1") in run.stdout
    assert not any(line.startswith("UNKNOWN") for line in run.stdout.splitlines())
    assert f"replay: tidegate verify --check stateful.enumeration --profile quick --intake boxes:{intake}" in run.stdout


def test_one_that_serialises_its_items_and_takes_in_too_many_is_blamed_for_both() -> None:
    run = gate("--intake", "boxes:PicklesOneMore", "--check", "stateful.enumeration")
    assert run.returncode == 1, run.stdout + run.stderr
    assert {"ILLEGAL  HOSTILE-1", "ILLEGAL  BOUND-1"} <= {line[:18].rstrip() for line in run.stdout.splitlines()}


def test_a_replay_of_an_intake_judges_the_intake() -> None:
    run = gate("--intake", "boxes:OneMore", "--check", "stateful.enumeration")
    line = next(
        line for line in run.stdout.splitlines() if "replay: tidegate verify --check stateful.enumeration --profile" in line
    )
    again = gate(*shlex.split(line.partition("tidegate verify ")[2]))
    assert again.returncode == 1
    assert "ILLEGAL  BOUND-1" in again.stdout


def test_an_expected_failure_that_does_not_come_fails_and_an_idle_one_warns(tmp_path: Path) -> None:
    junit = tmp_path / "report.xml"
    run = gate("--intake", "boxes:WronglyExpected", "--check", "stateful.enumeration", "--junit", str(junit), GITHUB_ACTIONS="true")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "ILLEGAL  NORETRY-1" in run.stdout
    assert "and is not: take the expectation away" in run.stdout
    assert "warning: FORK-1 is expected to be broken, and is not applicable: optional; not declared: fork" in run.stdout
    assert "warning: BUOND-1 is expected to be broken, and there is no such clause (did you mean BOUND-1?)" in run.stdout
    assert run.stdout.count("::error") == 1
    assert ET.parse(junit).getroot().get("errors") == "1"


def test_one_that_waits_is_named_and_one_that_dies_is_unknown() -> None:
    waits = gate("--intake", "boxes:Waits", "--check", "scenarios.01")
    assert waits.returncode == 1, waits.stdout + waits.stderr
    assert "Waits.offer did not return" in waits.stdout
    assert "ILLEGAL  NOWAIT-1" in waits.stdout, "that it never waits can't be shown, that it does can"
    crashes = gate("--intake", "boxes:Crashes", "--check", "scenarios.01")
    assert crashes.returncode == 3, crashes.stdout + crashes.stderr
    assert "the process of the check ended: exit status 9" in crashes.stdout


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("boxes", "boxes is not of the form package.module:adapter"),
        ("no_such_module:Box", "No module named 'no_such_module'"),
        ("boxes:Bax", "module 'boxes' has no attribute 'Bax'"),
        ("boxes:NUMBER", "boxes:NUMBER is int, not a class or a function that takes a capacity"),
        ("boxes:plain", "boxes:plain declares no capabilities: a frozenset of some of offer, answers"),
        ("boxes:Silent", "boxes:Silent declares no capabilities"),
        ("boxes:Boasts", "boxes:Boasts declares drain and has no such method"),
        ("boxes:Strange", "boxes:Strange declares fly; the capabilities are answers, bytecode"),
    ],
)
def test_what_is_no_adapter_is_refused(spec: str, told: str) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError, ImportError)) as refused:
        load_intake(spec)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--intake", "boxes"), "boxes is not of the form package.module:adapter"),
        (("--intake", "boxes:Silent", "--check", "stateful"), "cannot import boxes:Silent: TypeError: boxes:Silent declares no"),
        (("--intake", "boxes:Box", "--subject", "other"), "--intake and --subject both say what is judged"),
        (("--intake", "boxes:Box", "--shard", "1/2"), "--shard is for the kernel's checks"),
        (("--intake", "boxes:Box", "--check", "explore"), "these checks are about the kernel's own source"),
    ],
)
def test_bad_input_is_refused(options: tuple[str, ...], told: str) -> None:
    run = gate(*options)
    assert run.returncode == 2, run.stdout + run.stderr
    assert told in run.stderr


@pytest.mark.parametrize(
    ("intake", "told"),
    [
        ("BadConstructor", "tidegate verify: your adapter raised KeyError at boxes.py:"),
        ("AnswersNothing", "tidegate verify: your adapter answered its first offer with None"),
        ("HasNoTimeout", "tidegate verify: your adapter raised TypeError at boxes.py:"),
    ],
)
def test_an_adapter_with_a_mistake_of_its_own_is_accused_of_nothing(intake: str, told: str) -> None:
    run = gate("--intake", f"boxes:{intake}")
    assert run.returncode == 2, run.stdout + run.stderr
    assert run.stderr.startswith(told)
    assert run.stderr.endswith("; nothing was judged\n")
    assert "ILLEGAL" not in run.stdout
    with pytest.raises(ValueError, match=r"your adapter (raised|answered) "):
        check_intake(f"boxes:{intake}")


def test_from_python() -> None:
    found = check_intake("boxes:made", clauses=["BOUND-1", "LOCAL-1", "CLOSE-1"])
    assert {id_: clause.verdict for id_, clause in found.clauses.items()} == {
        "BOUND-1": Verdict.OK,
        "LOCAL-1": Verdict.ILLEGAL,  # an exception between `popleft` and the return
        "CLOSE-1": None,
    }
    assert (found.title, found.version) == ("a box", "1.0")
    with pytest.raises(NotConforming, match=r"ILLEGAL LOCAL-1: sweeps.interrupt found it broken(.|\n)*replay: tidegate verify"):
        found.demand()


def test_from_python_with_an_expectation() -> None:
    why = Expected("an exception may come between", "https://example.org/why", ("exception",))
    with pytest.warns(UserWarning, match="BUOND-1 is expected to be broken, and there is no such clause"):
        found = check_intake("boxes:Box", clauses=["LOCAL-1"], expected={"LOCAL-1": why, "BUOND-1": why})
    assert found.verdict is Verdict.OK
    assert found.clauses["LOCAL-1"].expected == why
    found.demand()


def test_what_cannot_be_imported_in_another_process_is_refused() -> None:
    class Local:
        pass

    with pytest.raises(ValueError, match="can't be imported by its name"):
        check_intake(Local)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="declares no capabilities"):
        check_intake("boxes:Silent")


def test_one_test_for_each_clause(tmp_path: Path) -> None:
    (tmp_path / "test_box.py").write_text(
        "from boxes import Box\n"
        "from tidegate_specs.conformance import Expected\n"
        "from tidegate_gate.conformance import each_clause\n"
        "\n"
        "@each_clause(Box, expected={'LOCAL-1': Expected('it is a test', 'https://example.org', ('exception',))})\n"
        "def test_box(clause):\n"
        "    assert clause.id != 'QUIET-1'\n"
    )
    path = os.pathsep.join([str(INTAKES), *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "test_box.py"]
    run = subprocess.run(
        words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    outcomes = {
        line.partition("[")[2].partition("]")[0]: line.split()[1] for line in run.stdout.splitlines() if line.startswith("test_box")
    }
    assert tuple(outcomes)[: len(IDS)] == IDS
    assert outcomes["BOUND-1"] == "PASSED"
    assert outcomes["LOCAL-1"] == "XFAIL"
    assert outcomes["INTERRUPT-1"] == "FAILED"
    assert outcomes["CLOSE-1"] == "SKIPPED"
    assert outcomes["QUIET-1"] == "FAILED", "the function is called for a clause that is OK"
    assert "replay: tidegate verify --check sweeps.interrupt" in run.stdout


def test_the_decorator_keeps_the_name_and_the_words() -> None:
    @each_clause("boxes:Box")
    def test_something(clause: object) -> None:
        """Say what."""

    assert (test_something.__name__, test_something.__doc__, test_something.__module__) == ("test_something", "Say what.", __name__)


def test_every_clause_has_a_class_and_every_need_is_a_capability() -> None:
    assert tuple(CLASSES) == tuple(clause.id for clause in CLAUSES) == IDS
    for id_, found in CLASSES.items():
        assert found.needs <= CAPABILITIES.keys()
        assert (found.kind == "optional") == (bool(found.needs) and found.kind not in {"stochastic", "not testable here"})
        assert why_not_applicable(id_, ()).startswith(found.kind)


# Levels.

SOUND = "schedules.offers"


def level_in(report: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(report.read_text("utf-8"))["level"])


def test_a_right_one_with_a_lock_holds_its_level_and_every_report_says_so(tmp_path: Path) -> None:
    report, junit, markdown = tmp_path / "report.json", tmp_path / "report.xml", tmp_path / "report.md"
    options = ("--json", str(report), "--junit", str(junit), "--markdown", str(markdown))
    run = gate("--intake", "boxes:Guarded", "--level", "threads", *options)
    assert run.returncode == 0, run.stdout + run.stderr
    badge = "![tidegate: threads](https://img.shields.io/badge/tidegate-threads-yellowgreen)"
    assert "level held: threads (bounded, exact, in order, nothing lost" in run.stdout
    assert f"badge: {badge}" in run.stdout
    assert level_in(report) == {"held": "threads", "asked": "threads", "next": "deadlines", "obstacles": []}
    assert badge in markdown.read_text("utf-8")
    case = next(case for case in ET.parse(junit).getroot().iter("testcase") if case.get("name") == "level")
    assert "level held: threads" in str(case.findtext("system-out"))
    assert "sweeps." not in run.stdout, "what only exceptions, handlers and stops show is not asked for"


def test_its_twin_that_checks_then_acts_is_illegal_at_the_same_level() -> None:
    run = gate("--intake", "boxes:ChecksThenActs", "--level", "threads")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "ILLEGAL  BOUND-1" in run.stdout
    assert "2 items are held where there is room for 1" in run.stdout
    assert "level held: none" in run.stdout


def test_an_expected_exception_does_not_hide_a_race() -> None:
    run = gate("--intake", "boxes:LooksThenTakes", "--check", "schedules.takes", "--check", "sweeps.interrupt")
    assert run.returncode == 1, run.stdout + run.stderr
    told = " ".join(run.stdout.split())
    assert "ILLEGAL LOCAL-1" in told
    assert "and not what schedules.takes found" in told
    alone = gate("--intake", "boxes:LooksThenTakes", "--check", "sweeps.interrupt", "--clause", "LOCAL-1")
    assert "EXPECTED LOCAL-1" in alone.stdout


def test_without_bytecode_nothing_is_ok_by_stress_alone() -> None:
    run = gate("--intake", "boxes:Undeclared", "--check", SOUND)
    assert run.returncode == 3, run.stdout + run.stderr
    assert "not judged: `bytecode` is not declared" in run.stdout
    found = check_intake("boxes:Undeclared", clauses=["INTERRUPT-1", "NOWAIT-2"])
    assert {clause.verdict for clause in found.clauses.values()} == {Verdict.UNKNOWN}
    assert all("not judged: `bytecode` is not declared" in clause.text for clause in found.clauses.values())


def test_a_level_that_needs_what_is_not_declared_is_not_held() -> None:
    found = check_intake("boxes:Guarded", level="deadlines")
    assert found.verdict is Verdict.UNKNOWN
    assert found.standing is not None
    assert (found.standing.held, found.standing.next) == ("threads", "deadlines")
    assert {obstacle.what for obstacle in found.standing.obstacles} == {"wait", "close", "CLOSE-1", "CLOSE-2"}


@pytest.mark.parametrize(
    ("intake", "verdict"),
    [("WithoutBound", Verdict.OK), ("BoundedAfterAll", Verdict.ILLEGAL), ("Guarded", Verdict.OK)],
)
def test_a_capacity_that_means_no_bound_is_no_fault_where_it_is_said(intake: str, verdict: Verdict) -> None:
    check = next(check for check in scenarios.CHECKS if check.name == "scenarios.12")
    assert check.run(load_intake(f"boxes:{intake}"), Settings()).verdict is verdict


def test_every_clause_has_one_level() -> None:
    placed = [id_ for level in LEVELS for id_ in level.clauses]
    assert sorted(placed) == sorted(IDS)
    assert all(level.needs <= CAPABILITIES.keys() and set(level.demanded) <= set(level.clauses) for level in LEVELS)


def test_the_kernel_has_no_levels(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--level", "threads"]) == 2
    assert "--level is for --intake" in capsys.readouterr().err
