"""The benchmark measures what it says, finds what is too slow or too big, and never takes noise for a figure."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

import tidegate
from tidegate import Closed, Empty, Outcome
from tidegate_stress import bench
from tidegate_stress.bench import peers, render, sharing, timing
from tidegate_stress.bench.peers import BASELINE, BY_WITH, OURS, PEERS, ROUND, LockedRing
from tidegate_stress.bench.rows import BenchReport, Row, Status, judge
from tidegate_stress.bench.timing import Progress

QUIET = Progress(("operations", "flatness", "memory", "goodput"), quiet=True)


class Slow:
    """Stand for a module whose intake does needless work in each offer."""

    Outcome, Empty, Closed = Outcome, Empty, Closed
    by_capacity = False

    def __init__(self, by_capacity: bool) -> None:
        self.by_capacity = by_capacity

    def Intake(self, capacity: int) -> "SlowIntake":  # noqa: N802 - it stands for a module's class
        return SlowIntake(capacity, min(capacity, 2000) if self.by_capacity else 300)


class SlowIntake:
    """Look at so many things in each offer."""

    def __init__(self, capacity: int, work: int) -> None:
        self._inner = tidegate.Intake[Any](capacity)
        self._work = work
        self.take, self.statistics = self._inner.take, self._inner.statistics

    def offer(self, item: Any) -> Outcome:
        for _ in range(self._work):
            pass
        return self._inner.offer(item)


@pytest.mark.parametrize(
    ("value", "bar", "bar_is", "noise", "status"),
    [
        (0.20, 0.25, "at most", 0.05, "MET"),
        (0.24, 0.25, "at most", 0.05, "UNKNOWN"),
        (0.26, 0.25, "at most", 0.05, "UNKNOWN"),
        (0.27, 0.25, "at most", 0.05, "NOT MET"),
        (0.25, 0.25, "at most", 0.00, "MET"),
        (0.90, 0.80, "at least", 0.05, "MET"),
        (0.82, 0.80, "at least", 0.05, "UNKNOWN"),
        (0.50, 0.80, "at least", 0.05, "NOT MET"),
        (0.00, 0.80, "at least", 0.05, "NOT MET"),
    ],
)
def test_a_figure_nearer_to_its_bar_than_the_noise_is_unknown(
    value: float, bar: float, bar_is: Any, noise: float, status: str
) -> None:
    assert judge(value, bar, bar_is, noise) == status


def makers(subject: Any) -> dict[str, peers.Maker]:
    return {OURS: partial(peers.tidegate_calls, subject), BASELINE: PEERS[BASELINE](), "ring": PEERS["ring"]()}


def test_operations_are_compared_with_the_baseline() -> None:
    rows, noise = timing.measure_operations(makers(tidegate), 10, QUIET)
    assert noise >= 0
    by_name = {(row.measure, row.subject): row for row in rows}
    assert {row.measure for row in rows if row.bar is not None} == {"accept", "reject", ROUND, BY_WITH}
    assert all(row.bar is None for row in rows if row.subject != OURS)
    assert len(by_name) == 3 * 3 + 2
    for operation in ("accept", "reject", ROUND):
        assert 0.3 < (by_name[operation, BASELINE].value or 0) < 3
        assert (by_name[operation, OURS].time_ns or 0) > 0


def test_operations_that_are_too_slow_do_not_meet_their_bars() -> None:
    rows, _ = timing.measure_operations(makers(Slow(by_capacity=False)), 10, QUIET)
    assert {row.status for row in rows if row.bar is not None and row.measure != ROUND} <= {"NOT MET", "UNKNOWN"}
    assert all((row.value or 0) > 1 for row in rows if row.bar is not None)


def test_the_noise_is_what_the_best_times_differ_by() -> None:
    assert 0.09 < timing._noise_of([100, 110, 300, 500]) < 0.11
    assert timing._noise_of([100, 100, 900, 100, 800, 700]) == 0


def test_cost_that_grows_with_capacity_is_found() -> None:
    rows = timing.measure_flatness(Slow(by_capacity=True), 5, (1, 64, 2000), QUIET)
    assert [row.status for row in rows] == ["NOT MET"] * 4


def test_flatness_names_every_capacity() -> None:
    rows = timing.measure_flatness(tidegate, 5, (1, 64, 500), QUIET)
    assert all("1: " in row.note and "64: " in row.note and "500: " in row.note for row in rows)


def test_memory_has_a_bar_for_each_state_but_the_leased_one() -> None:
    """Measure in a process of its own: blocks are counted for all threads, and some of earlier tests may still be here."""
    code = (
        "import tidegate\n"
        "from tidegate_stress import bench\n"
        "for row in bench.measure_memory(tidegate):\n"
        "    print(row.section, row.measure, row.status, sep='; ')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    rows = [line.split("; ") for line in ran.stdout.splitlines()]
    assert [measure for _, measure, status in rows if status == "report only"] == ["all leased"]
    assert [status for section, _, status in rows if section == "a million rejections"] == ["MET"] * 3


def test_goodput_is_measured_for_all_who_can_wait() -> None:
    rows = sharing.measure_goodput(makers(tidegate), 1, 0.1, QUIET)
    assert [row.subject for row in rows] == [OURS, BASELINE]
    assert all((row.value or 0) > 0 for row in rows)


@pytest.mark.parametrize("name", PEERS)
def test_every_installed_peer_does_what_is_timed(name: str) -> None:
    missing = name
    try:
        shows_what_is_timed(PEERS[name]()(2))
    except ImportError as error:
        missing = str(error.name)
    assert missing == name  # or something else than the peer itself is missing


def shows_what_is_timed(calls: peers.Calls) -> None:
    assert [calls.offer("a"), calls.offer("b"), calls.offer("c")] == [True, True, False]
    first, second = calls.take(), calls.take()
    assert (first, second) == ("a", "b")
    calls.finish(first)
    calls.finish(second)
    assert calls.offer("d") is True
    calls.finish(calls.take())
    assert calls.accept(2) > 0
    assert calls.reject(3) > 0
    for _ in range(2):
        calls.finish(calls.take())
    assert all(loop(3) > 0 for loop in calls.rounds.values())


def test_the_ring_is_bounded_by_what_is_unfinished() -> None:
    ring = LockedRing(1)
    assert ring.offer(1) is True
    assert ring.take() == 1
    assert ring.offer(2) is False
    ring.finish()
    assert ring.offer(2) is True


def only_operations(monkeypatch: pytest.MonkeyPatch, *answers: tuple[list[Row], float]) -> list[tuple[list[Row], float]]:
    """Let these rows be measured, one answer a time, and nothing else. Give the answers that are left."""
    left = list(answers)

    def measure_operations(*_: Any) -> tuple[list[Row], float]:
        return left.pop(0)

    def measure_nothing(*_: Any) -> list[Row]:
        return []

    monkeypatch.setattr(bench, "measure_operations", measure_operations)
    for name in ("measure_flatness", "measure_memory", "measure_goodput"):
        monkeypatch.setattr(bench, name, measure_nothing)
    return left


def test_a_peer_that_is_not_installed_is_reported_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> peers.Maker:
        raise ModuleNotFoundError("No module named 'janus'", name="janus")

    row = Row("operations", "accept", OURS, 0.2, "x", "MET", 0.25)
    monkeypatch.setitem(PEERS, "janus", absent)
    only_operations(monkeypatch, ([row], 0.01))
    report = bench.run_bench(10, ("janus",), subject=tidegate, quiet=True)
    assert [row.subject for row in report.rows if row.status == "missing"] == ["janus"]
    assert report.exit_code == 0
    assert "missing" in render(report)
    assert "No module named 'janus'" in render(report)


def report_of(*statuses: Status) -> BenchReport:
    rows = tuple(Row("operations", f"m{place}", OURS, 0.5, "x", status, 0.25) for place, status in enumerate(statuses))
    return BenchReport(rows, noise=0.02, seconds=1.0, rounds=10)


@pytest.mark.parametrize(
    ("statuses", "code", "end"),
    [
        (("MET", "report only"), 0, "all bars met"),
        (("MET", "UNKNOWN", "NOT MET"), 1, "a bar is not met"),
        (("MET", "UNKNOWN"), 3, "too noisy to tell"),
    ],
)
def test_the_exit_code_and_the_last_line_agree(
    statuses: tuple[Status, ...],
    code: int,
    end: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Any,
) -> None:
    def fake(*_: Any, **__: Any) -> BenchReport:
        return report_of(*statuses)

    monkeypatch.setattr(bench, "run_bench", fake)
    assert bench.main(["--json", str(tmp_path / "bench.json")]) == code
    text = capsys.readouterr().out
    assert text.splitlines()[-1].startswith(end)
    assert "\x1b" not in text
    assert len(json.loads((tmp_path / "bench.json").read_text())["rows"]) == len(statuses)
    assert bench.main(["--json", "-"]) == code
    assert json.loads(capsys.readouterr().out)["rounds"] == 10
    assert bench.main(["--json", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_colour_is_only_added() -> None:
    report = report_of("MET", "NOT MET", "UNKNOWN", "report only")
    plain, coloured = render(report), render(report, colour=True)
    assert "\x1b[31;1mNOT MET\x1b[0m" in coloured
    assert len(plain) < len(coloured)
    assert all(len(line) < 110 for line in plain.splitlines()[2:])


@pytest.mark.parametrize("argv", [["--subjects", "nobody"], ["--rounds", "3"], ["--rounds", "many"], ["--what"], ["more"]])
def test_bad_usage_is_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(argv) == 2
    assert "usage: tidegate bench" in capsys.readouterr().err


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--help"]) == 0
    assert "examples:" in capsys.readouterr().out


def test_an_interruption_judges_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: Any, **__: Any) -> BenchReport:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "run_bench", interrupted)
    assert bench.main([]) == 3
    assert "nothing was judged" in capsys.readouterr().err


def test_times_that_do_not_meet_their_bars_are_taken_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    near = Row("operations", "accept", OURS, 0.249, "x", "UNKNOWN", 0.25)
    met = replace(near, value=0.2, status="MET")
    answers = ([near], 0.05), ([met], 0.01)
    left = only_operations(monkeypatch, *answers)
    report = bench.run_bench(10, (), subject=tidegate, quiet=True)
    assert report.exit_code == 0
    assert not left
