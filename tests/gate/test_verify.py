"""The gate itself: verdicts, exit codes, reports, and what becomes of a check that hangs, crashes, raises or is interrupted."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tidegate_gate.display import PlainDisplay
from tidegate_gate.plan import Answer, Group, Planned
from tidegate_gate.report import ClauseReport, count_text, judge
from tidegate_specs.check import Verdict, overall
from tidegate_specs.reports import one_line, plain_text

FAKES = Path(__file__).parent / "fakes"
PATIENCE_S = 60


def environment(**more: str) -> dict[str, str]:
    """Let the gate and its children find the fake modules of checks."""
    path = os.pathsep.join([str(FAKES), *filter(None, [os.environ.get("PYTHONPATH")])])
    plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "PYTHONOPTIMIZE"}}
    return {**plain, "PYTHONPATH": path, "TERM": "xterm", **more}


def command(*options: str, modules: Sequence[str] = ("faulty",)) -> list[str]:
    words = [sys.executable, "-m", "tidegate_gate", "verify", "--clauses-from", "contract", *options]
    return words + [word for module in modules for word in ("--checks-from", module)]


def gate(*options: str, modules: Sequence[str] = ("faulty",)) -> subprocess.CompletedProcess[str]:
    words = command(*options, modules=modules)
    return subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def checks(*names: str) -> list[str]:
    return [word for name in names for word in ("--check", f"faulty.{name}")]


def verdicts(report: Mapping[str, Any]) -> dict[str, str]:
    return {clause["id"]: clause["verdict"] for clause in report["clauses"]}


def answers(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for clause in report["clauses"] for check in clause["checks"]}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    # A process that has ended and that nobody waits for is still listed, as a zombie.
    return not (status.exists() and status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z")


def wait_until_gone(pids: Sequence[int]) -> None:
    deadline_s = time.monotonic() + 10
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline_s, f"still alive: {pids}"
        time.sleep(0.05)


# Verdicts and exit codes.


def test_all_ok() -> None:
    run = gate("--seed", "7", modules=("fine",))
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert lines[0].startswith("tidegate ")
    assert "profile quick, seed 7, subject tidegate" in lines[0]
    assert [line.split()[:2] for line in lines if line.startswith("OK ")] == [
        ["OK", "ONE-1"],
        ["OK", "TWO-1"],
        ["OK", "THREE-1"],
        ["OK", "FOUR-1"],
    ]
    assert "6 contracts confirmed" in next(line for line in lines if " ONE-1 " in line)
    assert "seed 7, quick" in next(line for line in lines if " FOUR-1 " in line)
    assert lines[-1].startswith("tidegate: OK (4 clauses, 3 checks, ")


def test_the_report_begins_with_the_verdict_and_what_is_not_ok() -> None:
    lines = gate(*checks("illegal")).stdout.splitlines()
    places = [
        next(number for number, line in enumerate(lines) if line.startswith(wanted))
        for wanted in ("verdict: ILLEGAL (", "ILLEGAL faulty.illegal: ", "  bears on: ONE-1", "ILLEGAL  ONE-1", "tidegate: ILLEGAL")
    ]
    assert places == sorted(places)
    table = lines[places[3] : places[-1]]
    assert max(map(len, table)) <= 100


def test_a_row_names_what_bears_on_its_clause() -> None:
    shared = answer(Verdict.OK, "A", "B", evidence="100 of 100 mutants killed")
    shared = replace(shared, check=replace(shared.check, share={"A": "6 of 6 mutants that break it killed"}))
    assert [clause.evidence for clause in judge(["A", "B"], [shared])] == [
        "6 of 6 mutants that break it killed",
        "100 of 100 mutants killed",
    ]


def test_a_long_row_is_folded_and_a_bad_one_is_whole() -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream)
    for verdict in (Verdict.OK, Verdict.ILLEGAL):
        display.clause(ClauseReport("A", verdict, (), "; ".join(["twelve small words that say what was found here"] * 12)))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    fine = next(number for number, line in enumerate(lines) if line.startswith("ILLEGAL"))
    assert fine == 4
    assert lines[3].split() == ["and", "more,", "see", "--json"]
    assert " ".join(" ".join(lines[fine:]).split()).count("twelve small words") == 12


def test_output_in_a_pipe_is_plain() -> None:
    run = gate("--profile", "full", modules=("fine",))
    assert "\x1b" not in run.stdout + run.stderr
    assert run.stderr == ""
    assert [line[:5] for line in run.stdout.splitlines() if line.startswith("[")] == ["[1/3]", "[2/3]", "[3/3]"]


def test_illegal_names_the_witness_and_the_replay() -> None:
    run = gate(*checks("fine", "illegal"))
    assert run.returncode == 1
    assert "ILLEGAL  ONE-1" in run.stdout
    assert "UNKNOWN  TWO-1" in run.stdout
    assert "faulty.illegal was stopped by the failure of ONE-1" in run.stdout
    assert "OK       FOUR-1" in run.stdout
    assert "    offer(b) -> \\x1b[31mACCEPTED" in run.stdout
    assert "tidegate verify --check faulty.illegal --seed 0 --profile quick" in run.stdout
    assert "tidegate: ILLEGAL (4 clauses of which 1 ILLEGAL and 1 UNKNOWN, 2 checks, " in run.stdout


def test_unknown_is_not_a_pass() -> None:
    run = gate(*checks("fine", "unknown"))
    assert run.returncode == 3
    assert "UNKNOWN  THREE-1" in run.stdout
    assert "the machine is too noisy" in run.stdout


def test_a_clause_without_a_check_is_unknown() -> None:
    run = gate("--json", "-", modules=("stranger",))
    assert run.returncode == 3
    assert set(verdicts(json.loads(run.stdout)).values()) == {"UNKNOWN"}
    assert "stranger.only bears on the unknown NINE-9" in run.stderr


@pytest.mark.parametrize(
    ("module", "said"),
    [("unloadable", "group unloadable could not be loaded"), ("absent_group", "group absent_group is not installed")],
)
def test_a_group_that_cannot_be_loaded_is_unknown(module: str, said: str) -> None:
    run = gate("--json", "-", modules=("fine", module))
    assert run.returncode == 3
    assert said in run.stderr
    report = json.loads(run.stdout)
    assert set(verdicts(report).values()) == {"UNKNOWN"}
    assert answers(report)["fine.first"]["verdict"] == "OK"
    assert answers(report)[module]["verdict"] == "UNKNOWN"


# Checks that hang, crash or raise.


def test_a_hang_is_unknown_and_the_rest_still_runs(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    report_file = tmp_path / "report.json"
    words = command(*checks("hang", "last"), "--json", str(report_file))
    run = subprocess.run(
        words, env=environment(FAULTY_PIDS=str(pids)), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert run.returncode == 3
    assert "no answer within 3 s" in run.stdout
    assert "in _hang" in run.stdout, "the stack tells where it hung"
    report = json.loads(report_file.read_text(encoding="utf-8"))
    assert verdicts(report) == {"ONE-1": "UNKNOWN", "FOUR-1": "OK"}
    assert answers(report)["faulty.last"]["evidence"] == "1,000 x 50 steps"
    wait_until_gone([int(pid) for pid in pids.read_text(encoding="utf-8").split()])


@pytest.mark.parametrize(
    ("name", "evidence", "witness"),
    [
        ("crash", "the process of the check ended: exit status 9", "last words"),
        ("abort", "the process of the check ended: killed by SIGABRT", "in _abort"),
        ("raise", "the check itself raised", "ZeroDivisionError: inside the check"),
        ("leave", "the check itself raised", "SystemExit: 0"),
    ],
)
def test_a_check_that_breaks_is_unknown_and_the_rest_still_runs(name: str, evidence: str, witness: str) -> None:
    run = gate(*checks(name, "last"))
    assert run.returncode == 3
    assert evidence in run.stdout
    assert witness in run.stdout
    assert "OK       FOUR-1" in run.stdout


def test_only_the_process_that_was_asked_answers() -> None:
    run = gate(*checks("fork"))
    assert run.returncode == 0
    assert "1 fork" in run.stdout
    assert "said by the child" not in run.stdout


# Interruption.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_once_and_names_what_was_not_checked(number: signal.Signals, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    report_file = tmp_path / "report.json"
    words = command(*checks("fine", "hang_long", "last"), "--json", str(report_file))
    with subprocess.Popen(words, env=environment(FAULTY_PIDS=str(pids)), stdout=subprocess.PIPE, text=True) as process:
        wait_for_file(pids, process)
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3
    assert f"stopped by {number.name}; not checked: faulty.hang_long (was running), faulty.last" in output
    assert "tidegate: UNKNOWN (4 clauses of which 2 UNKNOWN, 1 check, " in output
    report = json.loads(report_file.read_text(encoding="utf-8"))
    assert verdicts(report) == {"ONE-1": "UNKNOWN", "TWO-1": "OK", "THREE-1": "OK", "FOUR-1": "UNKNOWN"}
    assert answers(report)["faulty.last"]["evidence"] == "not checked"
    wait_until_gone([int(pid) for pid in pids.read_text(encoding="utf-8").split()])


def test_an_interrupt_after_a_fault_is_still_illegal(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    words = command(*checks("illegal", "hang_long"))
    with subprocess.Popen(words, env=environment(FAULTY_PIDS=str(pids)), stdout=subprocess.PIPE, text=True) as process:
        wait_for_file(pids, process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1


def test_a_killed_gate_leaves_a_whole_report(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    report_file = tmp_path / "report.json"
    words = command(*checks("fine", "hang_long"), "--json", str(report_file))
    with subprocess.Popen(words, env=environment(FAULTY_PIDS=str(pids)), stdout=subprocess.PIPE, text=True) as process:
        wait_for_file(pids, process)
        process.kill()
        process.communicate(timeout=PATIENCE_S)
    report = json.loads(report_file.read_text(encoding="utf-8"))
    assert report["verdict"] == "UNKNOWN"
    assert answers(report)["faulty.fine"]["verdict"] == "OK"
    runner, helper = (int(pid) for pid in pids.read_text(encoding="utf-8").split())
    os.kill(helper, signal.SIGKILL)
    if sys.platform == "linux":
        wait_until_gone([runner])
    else:
        os.kill(runner, signal.SIGKILL)


def wait_for_file(file: Path, process: subprocess.Popen[str]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not (file.exists() and file.read_text(encoding="utf-8")):
        assert process.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_a_reader_that_goes_away_ends_the_run() -> None:
    with subprocess.Popen(
        command(*checks("fine", "last")), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 3
        assert process.stderr.read() == b""


# The report for machines.


def test_json_has_exactly_this_shape(tmp_path: Path) -> None:
    report_file = tmp_path / "report.json"
    gate("--json", str(report_file), modules=("fine",))
    report = json.loads(report_file.read_text(encoding="utf-8"))
    assert list(report) == ["verdict", "python", "platform", "clauses"]
    assert report["verdict"] == "OK"
    assert [list(clause) for clause in report["clauses"]] == [["id", "verdict", "checks"]] * 4
    shape = ["name", "tool", "verdict", "evidence", "witness", "blames", "seconds", "replay"]
    assert [list(check) for clause in report["clauses"] for check in clause["checks"]] == [shape] * 5
    assert os.listdir(tmp_path) == ["report.json"], "nothing temporary is left"


def test_json_on_stdout_leaves_the_lines_to_stderr() -> None:
    run = gate("--json", "-", modules=("fine",))
    assert json.loads(run.stdout)["verdict"] == "OK"
    assert "tidegate: OK" in run.stderr


def test_the_replay_command_replays(tmp_path: Path) -> None:
    report_file = tmp_path / "report.json"
    gate(*checks("illegal"), "--json", str(report_file))
    words = answers(json.loads(report_file.read_text(encoding="utf-8")))["faulty.illegal"]["replay"].split()
    assert words[0] == "tidegate"
    replayed = subprocess.run(
        [sys.executable, "-m", "tidegate_gate", *words[1:]],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert replayed.returncode == 1
    assert "ILLEGAL  ONE-1" in replayed.stdout


# Choosing, and choosing wrongly.


def test_a_clause_chooses_the_checks_that_bear_on_it() -> None:
    run = gate("--clause", "FOUR-1", modules=("fine",))
    assert run.returncode == 0
    assert "tidegate: OK (1 clause, 1 check, " in run.stdout
    assert "fine.first" not in run.stdout


def test_list_runs_nothing() -> None:
    run = gate("--list")
    assert run.returncode == 0
    assert "faulty.hang " in run.stdout
    assert "tidegate:" not in run.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--clause", "FIVE-1"], "the clauses are ONE-1, TWO-1, THREE-1, FOUR-1"),
        (["--clause", "one-11"], "did you mean ONE-1?"),
        (["--check", "fine.frist"], "did you mean fine.first?"),
        (["--seed", "-1"], "not an integer of at least 0"),
        (["--seed", "many"], "not an integer of at least 0"),
        (["--jobs", "0"], "not an integer of at least 1"),
        (["--profile", "slow"], "invalid choice"),
        (["--subject", "no_such_module"], "cannot import no_such_module"),
        (["--subject", "json"], "json has no Intake"),
        (["--json", "/no/such/folder/report.json"], "no folder"),
        (["surplus"], "unrecognized arguments"),
    ],
)
def test_bad_usage(options: list[str], said: str) -> None:
    run = gate(*options, modules=("fine",))
    assert run.returncode == 2
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_without_assertions_nothing_is_judged() -> None:
    words = command(modules=("fine",))
    run = subprocess.run(
        [words[0], "-O", *words[1:]], env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert run.returncode == 2
    assert "assertions are off" in run.stderr


# On a terminal.


def on_a_terminal(words: Sequence[str], env: Mapping[str, str]) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    with subprocess.Popen(words, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        output = b""
        try:
            while chunk := os.read(ours, 65536):
                output += chunk
        except OSError:
            pass  # Linux: how a terminal says that nobody writes to it any more
        os.close(ours)
        return process.wait(PATIENCE_S), output.decode()


def test_a_terminal_sees_colour_and_the_same_verdict() -> None:
    status, output = on_a_terminal(command(modules=("fine",)), environment())
    assert status == 0
    assert "\x1b[32m" in output
    assert "(4 clauses, 3 checks, " in output


def test_no_color_is_honoured() -> None:
    status, output = on_a_terminal(command(*checks("fine", "illegal")), environment(NO_COLOR="1"))
    assert status == 1
    assert "\x1b[31m" not in output
    assert "\x1b[32m" not in output
    assert "\\x1b[31mACCEPTED" in output


def test_a_dumb_terminal_gets_plain_lines() -> None:
    status, output = on_a_terminal(command(modules=("fine",)), environment(TERM="dumb"))
    assert status == 0
    assert "\x1b" not in output


# Judging.


GROUP = Group("some", "some", "tries")


def answer(verdict: Verdict, *clauses: str, blames: tuple[str, ...] = (), evidence: str = "it ran", name: str = "a") -> Answer:
    check = Planned(f"some.{name}", GROUP, "Fake", clauses, "", "", (1.0, 1.0))
    return Answer(check, verdict, evidence, "", blames, 0.5)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], Verdict.UNKNOWN),
        ([answer(Verdict.OK, "A")], Verdict.OK),
        ([answer(Verdict.OK, "B")], Verdict.UNKNOWN),
        ([answer(Verdict.OK, "A"), answer(Verdict.UNKNOWN, "A")], Verdict.UNKNOWN),
        ([answer(Verdict.UNKNOWN, "A"), answer(Verdict.ILLEGAL, "A")], Verdict.ILLEGAL),
        ([answer(Verdict.OK, "A"), answer(Verdict.ILLEGAL, "A", "B", blames=("B",))], Verdict.UNKNOWN),
        ([answer(Verdict.OK, "A"), answer(Verdict.ILLEGAL, "A", "B", blames=("A", "B"))], Verdict.ILLEGAL),
        ([answer(Verdict.OK, "A"), answer(Verdict.ILLEGAL, "B", blames=("A",))], Verdict.ILLEGAL),
    ],
)
def test_the_verdict_on_a_clause(found: list[Answer], expected: Verdict) -> None:
    assert judge(["A"], found)[0].verdict is expected


@pytest.mark.parametrize(
    ("evidence", "folded"),
    [
        (["11 contracts confirmed"], "11 contracts confirmed"),
        (["1,000 contracts confirmed", "1 contract confirmed"], "1,001 contracts confirmed"),
        (["4 contracts confirmed, 4 witnesses", "6 contracts confirmed, 3 witnesses"], "10 contracts confirmed, 7 witnesses"),
        (["5 x 50 steps", "6 x 60 steps"], "2 tries"),
        (["waves of 3", "no loop"], "2 tries"),
    ],
)
def test_evidence_of_one_group_is_folded(evidence: list[str], folded: str) -> None:
    found = [answer(Verdict.OK, "A", evidence=text) for text in evidence]
    assert judge(["A"], found)[0].evidence == folded


def test_the_verdict_on_the_whole_is_the_worst() -> None:
    assert overall([]) is Verdict.UNKNOWN
    assert overall([Verdict.OK, Verdict.OK]) is Verdict.OK
    assert overall([Verdict.OK, Verdict.UNKNOWN]) is Verdict.UNKNOWN
    assert overall([Verdict.UNKNOWN, Verdict.ILLEGAL, Verdict.OK]) is Verdict.ILLEGAL


def test_a_text_cannot_steer_the_terminal() -> None:
    assert plain_text("a\x1b[2J\r\nb\u202e") == "a\\x1b[2J\\r\nb\\u202e"
    assert one_line("many\n  lines\tof " + "x" * 400, 20) == "many lines of xxx..."
    assert count_text(1, "checks") == "1 check"
    assert count_text(1200, "checks") == "1,200 checks"
