"""The laboratory looks again at what a noisy moment may have spoilt, never at what is exact, and keeps its report at all times."""

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tidegate_specs.check import Verdict
from tidegate_stress.lab import laboratory as module
from tidegate_stress.lab.case import Case, LabReport, Result
from tidegate_stress.lab.cases import CURVE, PAIRED, case_named, paired, plan
from tidegate_stress.lab.laboratory import Laboratory
from tidegate_stress.lab.show import PlainWatcher
from tidegate_stress.lab.text import verdict_of


def fine(case: Case, **figures: float) -> Result:
    return Result(case, "whole", "", {"peak_depth": 64, "goodput_share": 1.0, "rss_growth_bytes": 0.0, "rejected": 2e8, **figures})


class Planted:
    """Stand in for the child: give results that a test prepared, one after the other, the last one for ever."""

    def __init__(self, *figures: dict[str, Any]) -> None:
        self.figures = list(figures)
        self.cases: list[Case] = []

    def __call__(self, cases: Sequence[Case], *_watching: object) -> list[Result]:
        self.cases += cases
        figures = dict(self.figures.pop(0) if len(self.figures) > 1 else self.figures[0])
        problems = figures.pop("problems", ())
        return [replace(fine(case, **figures), problems=problems) for case in cases]


def run(monkeypatch: pytest.MonkeyPatch, planted: Planted, name: str = "burst") -> tuple[Laboratory, list[LabReport]]:
    saved: list[LabReport] = []
    monkeypatch.setattr(module, "run_cases", planted)
    laboratory = Laboratory("quick", 3, PlainWatcher(io.StringIO()), saved.append)
    laboratory.run([[case_named(name, seed=3)]])
    return laboratory, saved


def verdicts(laboratory: Laboratory) -> dict[str, Verdict]:
    return {finding.bound: finding.verdict for finding in laboratory.findings}


def test_a_timed_fault_must_be_there_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = Planted(
        {"rss_growth_bytes": 9e9}, {"rss_growth_bytes": 9e9}, {"recovery_s": 0.0, "normal_s": 0.0, "longest_service_s": 0.0}
    )
    laboratory, _ = run(monkeypatch, planted)
    assert [case.seed for case in planted.cases] == [3, 4, 5]
    assert verdicts(laboratory)["memory"] is Verdict.OK
    planted = Planted({"rss_growth_bytes": 9e9})
    laboratory, saved = run(monkeypatch, planted)
    assert len(planted.cases) == 3
    assert verdicts(laboratory)["memory"] is Verdict.ILLEGAL
    assert verdict_of(saved[-1]) is Verdict.ILLEGAL


def test_an_exact_fault_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = Planted({"problems": ("one too many",), "rss_growth_bytes": 9e9}, {})
    laboratory, _ = run(monkeypatch, planted)
    assert verdicts(laboratory)["ledger"] is Verdict.ILLEGAL
    assert "one too many" in next(finding.witness for finding in laboratory.findings if finding.bound == "ledger")


def test_peers_are_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run_cases", Planted({"goodput_share": 0.1}))
    laboratory = Laboratory("quick", 0, PlainWatcher(io.StringIO()))
    laboratory.run([[case_named("10x", "janus")]])
    assert laboratory.findings == []
    assert len(laboratory.results) == 1


def test_a_breaker_that_breaks_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run_cases", Planted({}))
    told = io.StringIO()
    laboratory = Laboratory("quick", 0, PlainWatcher(told))
    laboratory.break_bounds(["depth"])
    assert {finding.verdict for finding in laboratory.broken} == {Verdict.OK}
    assert "does NOT break" in told.getvalue()


def test_the_curve_needs_both_of_its_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = Planted({})
    monkeypatch.setattr(module, "run_cases", planted)
    laboratory = Laboratory("quick", 0, PlainWatcher(io.StringIO()))
    laboratory.measure_curve(1.0)
    assert laboratory.curve == [], "there were no ladders to read"
    assert len(planted.cases) == 3 * len(CURVE)


def test_noise_is_measured_first() -> None:
    figures = module.noise()
    assert set(figures) == {"stolen_share", "late_p99_s", "late_max_s"}
    assert 0 <= figures["stolen_share"] <= 1
    assert 0 <= figures["late_p99_s"] <= figures["late_max_s"]


def test_profiles_are_as_long_as_promised() -> None:
    quick, full = (
        {cases[0].name: cases[0].seconds for cases in plan(profile) if cases[0].subject == "tidegate"}
        for profile in ("quick", "full")
    )
    for level in ("1x", "2x", "10x", "100x"):
        assert (quick[level], full[level]) == (3.0, 30.0)
    assert plan("soak")[0][0].seconds == 1800
    ours, theirs = paired(PAIRED + "2x")
    assert (ours.level, ours.arrivals, theirs.arrivals) == (2.0, "even slices", "odd slices")
    assert ours.name == theirs.name == "paired 2x"
