"""`tidegate web` from outside: what it accepts, what it writes, how it ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate_stress.web import command, run
from tidegate_stress.web.case import SERVERS, WITH, WebCase, WebResult

COMMAND = [sys.executable, "-u", "-c", "import sys; from tidegate_stress.web.command import main; sys.exit(main())"]


def web(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--server", "apache"], "invalid choice"),
        (["--profile", "nightly"], "invalid choice"),
        (["--generator", "ab"], "invalid choice"),
        (["--seed", "-1"], "not an integer of at least 0"),
        (["--json", "/no/such/folder/report.json"], "--json: no folder"),
    ],
)
def test_bad_usage_is_2_and_says_why(words: list[str], message: str) -> None:
    done = web(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_generator_that_is_not_there_is_bad_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "/no/such/folder")
    assert command.main(["--generator", "wrk"]) == 2
    assert "--generator wrk: it is not on PATH" in capsys.readouterr().err


def test_help_has_examples_and_exit_codes() -> None:
    done = web("--help")
    assert done.returncode == 0
    assert "examples:" in done.stdout
    assert "exit codes:" in done.stdout


def test_the_short_form_is_short() -> None:
    cases = run.plan("quick", command.QUICK)
    assert [(case.name, case.arm) for case in cases[:4]] == [("2x", "without"), ("10x", "without"), ("2x", WITH), ("10x", WITH)]
    assert sum(case.seconds + case.after_s + 1.5 for case in cases) < 40
    full = run.plan("full", SERVERS)
    assert len(full) == len(SERVERS) * 2 * 6 + 2
    assert len(set(full)) == len(full)


def test_ctrl_c_ends_it_with_what_there_is_and_no_process_is_left(tmp_path: Path) -> None:
    saved = tmp_path / "report.json"
    words = ["--server", "waitress", "--json", str(saved), "--html", str(tmp_path / "page.html")]
    with subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("[2/4]"):
                break
        process.send_signal(signal.SIGINT)
        text, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert "tidegate web: UNKNOWN" in text
    assert [result["case"]["name"] for result in json.loads(saved.read_text("utf-8"))["results"]] == ["2x"]
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_timed_bound_is_looked_at_again_and_an_exact_fault_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    case = WebCase("uvicorn", "slow headers", True, 0.5, 1.0, 0.5, "slow headers")
    fine = {"goodput_share": 1.0, "peak_inside": 1.0, "peak_transfers": 0.0, "slots_lost": 0.0, "bare_rejections": 0.0}
    seeds: list[int] = []

    def answers(*figures: dict[str, float]) -> list[str]:
        told = iter(figures)
        seeds.clear()

        def run_case(case: WebCase, _told: object) -> WebResult:
            seeds.append(case.seed)
            return WebResult(case, figures={**fine, **next(told)})

        monkeypatch.setattr(run, "run_case", run_case)
        laboratory = run.Laboratory("quick", 0, ["uvicorn"], lambda _line: None)
        laboratory.run([case])
        return [finding.verdict.value for finding in laboratory.findings]

    assert answers({}) == ["OK"] * 4
    assert answers({"goodput_share": 0.1}, {}) == ["OK"] * 4
    assert seeds == [0, 1]
    assert answers(*[{"goodput_share": 0.1}] * 3) == ["ILLEGAL", "OK", "OK", "OK"]
    assert answers({"slots_lost": 1.0}) == ["OK", "OK", "ILLEGAL", "OK"]
    assert answers({"slots_lost": 1.0, "goodput_share": 0.1}, {}) == ["OK", "OK", "ILLEGAL", "OK"]
    assert answers({"goodput_share": 0.1}, {"slots_lost": 1.0}) == ["OK", "OK", "ILLEGAL", "OK"]


def test_a_run_without_the_middleware_has_to_break_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = iter((0.9, 0.9, 0.1))

    def run_case(case: WebCase, _told: object) -> WebResult:
        return WebResult(case, figures={"goodput_share": next(shares), "answered_share": 0.1, "recovery_s": 0.5})

    monkeypatch.setattr(run, "run_case", run_case)
    laboratory = run.Laboratory("quick", 0, ["waitress"], lambda _line: None)
    laboratory.run([WebCase("waitress", "hang", False, 2.0, 1.0, 0.5, "hang")])
    assert [(finding.bound, finding.verdict.value) for finding in laboratory.broken] == [
        ("goodput", "ILLEGAL"),
        ("answered", "ILLEGAL"),
        ("recovery", "ILLEGAL"),
    ]
