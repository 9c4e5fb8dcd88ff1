"""`tidegate stress` from outside: what it runs, what it writes, how it ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPORT = Path(__file__).parents[3] / "stress" / "reports" / "cpython-3.11.json"


def stress(*words: str, limit_s: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tidegate_gate", "stress", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--case", "11x"], "no case 11x; the cases are 1x, 2x"),
        (["--subject", "no_such_queue"], "no subject no_such_queue"),
        (["--subject", "mutant:none_such"], "no subject mutant:none_such"),
        (["--seconds", "0"], "not between 0.5 and 7200"),
        (["--seed", "-1"], "not an integer of at least 0"),
        (["--profile", "nightly"], "invalid choice"),
        (["--json", "/no/such/folder/report.json"], "--json: no folder"),
        (["--from", "/no/such/report.json"], "--from: cannot read"),
        (["--from", __file__], "is no report of this version"),
    ],
)
def test_bad_usage_is_2_and_says_why(words: list[str], message: str) -> None:
    run = stress(*words)
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_help_has_examples_and_exit_codes() -> None:
    run = stress("--help")
    assert run.returncode == 0
    assert "examples:" in run.stdout
    assert "exit codes:" in run.stdout


def test_list_names_the_cases() -> None:
    run = stress("--list", "--profile", "full")
    assert run.returncode == 0
    assert len(run.stdout.splitlines()) == 59


def test_a_case_is_judged_and_written_everywhere(tmp_path: Path) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("json", "markdown", "html")}
    run = stress(
        "--case",
        "crashing workers",
        "--seconds",
        "0.5",
        *(word for name, file in files.items() for word in (f"--{name}", str(file))),
    )
    assert run.returncode in {0, 3}, run.stdout + run.stderr  # 3 on a machine that is too noisy
    assert "tidegate, crashing workers" in run.stdout
    assert "\x1b" not in run.stdout
    saved = json.loads(files["json"].read_text("utf-8"))
    assert saved["results"][0]["case"]["seconds"] == 0.5
    assert {finding["bound"] for finding in saved["findings"]} >= {"ledger", "crash", "memory"}
    assert files["markdown"].read_text("utf-8").startswith("# tidegate stress: ")
    assert files["html"].read_text("utf-8").startswith("<!doctype html>")


def test_json_on_stdout_is_alone() -> None:
    subject = "mutant:exit_only_without_error"
    run = stress("--case", "crashing workers", "--seconds", "0.5", "--json", "-", "--subject", subject)
    assert run.returncode == 1, "a crash keeps its slot"
    found = {finding["bound"]: finding["verdict"] for finding in json.loads(run.stdout)["findings"]}
    assert found["ledger"] == "ILLEGAL"
    assert f"{subject}, crashing workers" in run.stderr


def test_a_saved_report_is_laid_out_again(tmp_path: Path) -> None:
    run = stress("--from", str(REPORT), "--html", str(tmp_path / "page.html"))
    assert run.returncode == 0
    assert run.stdout.splitlines()[-1].startswith("tidegate stress: OK (")
    assert (tmp_path / "page.html").read_text("utf-8").count("<svg") == 7


def test_ctrl_c_ends_it_with_what_there_is(tmp_path: Path) -> None:
    saved = tmp_path / "report.json"
    command = [
        sys.executable,
        "-u",
        "-m",
        "tidegate_gate",
        "stress",
        "--case",
        "10x",
        "--case",
        "burst",
        "--seconds",
        "1",
        "--json",
        str(saved),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("[2/2]"):
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert [result["case"]["name"] for result in json.loads(saved.read_text("utf-8"))["results"]] == ["10x"]
