"""`tidegate freshness` on a clock that jumps from event to event, and its judging. What is measured is in `stress/reports`."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from tidegate_specs.check import Verdict
from tidegate_stress.freshness import command
from tidegate_stress.freshness.case import BOUND, DRIFTS, FRESH, PLAIN, ROWS, SWEEP, Case, Report, Result, from_json, to_json
from tidegate_stress.freshness.codel import INTERVAL_S, TARGET_S, CoDel
from tidegate_stress.freshness.doors import DOORS, POOL, fresh
from tidegate_stress.freshness.drive import Drive
from tidegate_stress.freshness.judge import RUNS, judge, measure, verdict_of, verdict_on
from tidegate_stress.freshness.report import render
from tidegate_stress.freshness.simulate import simulate

CASES = (*ROWS, *DRIFTS)


def impatient(case: Case, subject: str) -> Result:
    """Run a planted subject whose patience is longer than its callers': it hands out what nobody waits for."""
    return simulate(case, subject, partial(fresh, patience_s=10.0))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_with_patience_every_row_reaches_the_bound(case: Case) -> None:
    finding, results = judge(case, simulate)
    assert (finding.verdict, finding.runs) == (Verdict.OK, 1), finding
    assert results[0].share <= 1.01
    assert simulate(case, FRESH) == results[0], "the same on every machine"


@pytest.mark.parametrize("case", [case for case in CASES if case.capacity == 64], ids=lambda case: case.name)
def test_planted_worse_subject_goes_red(case: Case) -> None:
    finding, results = judge(case, impatient)
    assert (finding.verdict, len(results)) == (Verdict.ILLEGAL, RUNS)
    assert finding.best < 0.1
    assert "could be finished in time was" in finding.witness


def test_the_wall_alone_is_right_for_one_service_time() -> None:
    shares = {case.name: simulate(case, PLAIN).share for case in ROWS}
    assert shares["3x load, capacity 16"] > BOUND
    assert shares["3x load, capacity 64"] < 0.1
    assert shares["service 4x slower, 12x load, capacity 16"] < 0.1


def result(share: float, overhead: float = 1.0, late: float = 0.0) -> Result:
    return Result(ROWS[0], FRESH, share, 1, 1, 1, overhead, late)


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([result(0.95)], Verdict.OK),
        ([result(0.1), result(0.1), result(0.96)], Verdict.OK),
        ([result(0.1), result(0.1, overhead=1.5), result(0.96, late=0.5)], Verdict.OK),
        ([result(0.1), result(0.2), result(0.949)], Verdict.ILLEGAL),
        ([result(0.1), result(0.2), result(0.3, overhead=1.3)], Verdict.UNKNOWN),
        ([result(0.1), result(0.2), result(0.3, late=0.1)], Verdict.UNKNOWN),
        ([result(0.1)], Verdict.UNKNOWN),
        ([], Verdict.UNKNOWN),
    ],
)
def test_the_verdict(results: list[Result], verdict: Verdict) -> None:
    assert verdict_on(ROWS[0], results).verdict is verdict


def in_turn(runs: list[Result]) -> Callable[[object, object], Result]:
    """Give one result after the other, whatever is measured."""
    left = iter(runs)
    return lambda _case, _subject: next(left)


def test_a_noisy_machine_is_not_held_against_a_peer() -> None:
    noisy, quiet = result(0.1, late=0.5), result(0.6)
    for runs, number in (([quiet], 1), ([noisy, quiet], 2), ([noisy, noisy, noisy, quiet], RUNS)):
        assert len(measure(ROWS[0], in_turn(runs), PLAIN)) == number


def test_the_verdict_on_the_whole_is_the_worst() -> None:
    report = Report("0", "3", "now", 1.0)
    assert verdict_of(report) is Verdict.UNKNOWN
    good, bad, open_ = (verdict_on(ROWS[0], [result(share)] * runs) for share, runs in ((1.0, 1), (0.1, 3), (0.1, 1)))
    assert verdict_of(replace(report, findings=(good, good))) is Verdict.OK
    assert verdict_of(replace(report, findings=(good, open_))) is Verdict.UNKNOWN
    assert verdict_of(replace(report, findings=(good, open_, bad))) is Verdict.ILLEGAL


def test_what_could_be_finished_is_the_workers_over_the_service_time() -> None:
    assert ROWS[0].possible() == pytest.approx(2 * 4.0 / 0.01)
    drift = DRIFTS[0]
    assert [round(drift.service_s(share * 4), 4) for share in (0.1, 0.325, 0.5, 0.8, 1.5)] == [0.01, 0.015, 0.04, 0.01, 0.01]


@pytest.mark.parametrize("subject", DOORS)
def test_the_real_thing_runs_on_a_shortened_scale(subject: str) -> None:
    """With threads and real clocks. Nothing is asserted of how well: that is the machine's affair."""
    seen = Drive(replace(ROWS[1], seconds=0.3), subject).run()
    assert seen.offered == 180
    assert 0 <= seen.good <= seen.finished <= 2 * seen.offered
    assert seen.finished > 0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_codel_drops_nothing_while_the_queue_does_not_stand() -> None:
    clock = Clock()
    codel = CoDel(64, clock, wait=False)
    for number in range(400):
        codel.offer(number)
        codel.offer(-number)
        clock.now += TARGET_S / 2
        assert codel.take(0) is not None
        assert codel.take(0) is not None
    assert codel.dropped == 0


def test_codel_drops_after_an_interval_and_then_ever_sooner() -> None:
    clock = Clock()
    codel = CoDel(1_000, clock, wait=False)
    drops: list[float] = []
    for number in range(2_000):
        codel.offer(number)
        codel.offer(number)
        clock.now += 0.001
        before = codel.dropped
        codel.take(0)
        drops += [clock.now] * (codel.dropped - before)
    gaps = [later - sooner for sooner, later in pairwise(drops)]
    assert INTERVAL_S < drops[0] < 2 * INTERVAL_S
    assert gaps[:4] == pytest.approx([INTERVAL_S / number**0.5 for number in (1, 2, 3, 4)], abs=0.003)
    assert codel.offer(1) in (True, False)


def stand_in(case: Case, subject: str) -> Result:
    return replace(simulate(case, PLAIN if subject == POOL else subject), subject=subject)


def test_the_command_measures_judges_and_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "drive", stand_in)
    file, picture = tmp_path / "report.json", tmp_path / "picture.svg"
    assert command.main(["--profile", "full", "--seconds", "1", "--json", str(file), "--svg", str(picture)]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[-1] == f"tidegate freshness: OK ({len(CASES)} rows, each at least 95% with FreshIntake)"
    report = from_json(file.read_text("utf-8"))
    assert from_json(to_json(report)) == report
    assert len(report.sweep) == 2 * len(SWEEP)
    assert {each.subject for each in report.results} == set(DOORS)
    assert "with a patience of 50 ms" in picture.read_text("utf-8")
    assert command.main(["--from", str(file)]) == 0
    assert capsys.readouterr().out == render(report)


def test_the_command_goes_red(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "drive", impatient)
    assert command.main(["--seconds", "1"]) == 1
    assert "tidegate freshness: ILLEGAL" in capsys.readouterr().out


def test_the_command_ends_with_what_there_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(case: Case, subject: str) -> Result:
        if case.capacity == 64:
            raise KeyboardInterrupt
        return stand_in(case, subject)

    monkeypatch.setattr(command, "drive", interrupted)
    assert command.main(["--json", "-", "--seconds", "1"]) == 3
    captured = capsys.readouterr()
    assert "interrupted" in captured.err
    assert len(json.loads(captured.out)["findings"]) == 2


@pytest.mark.parametrize("seconds", ["0.1", "601", "soon"])
def test_bad_usage(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--seconds", seconds])
    assert ended.value.code == 2
    assert "between 0.5 and 600" in capsys.readouterr().err
