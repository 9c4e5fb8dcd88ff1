"""The reports that are checked in are whole and green, and the pictures of the pages are drawn from them."""

from pathlib import Path

import pytest

from tidegate_specs.check import Verdict
from tidegate_stress.lab import plots
from tidegate_stress.lab.bounds import BOUNDS
from tidegate_stress.lab.case import OURS, LabReport, from_json
from tidegate_stress.lab.cases import CURVE, LEVELS, level_name, plan
from tidegate_stress.lab.subjects import SUBJECTS
from tidegate_stress.lab.text import verdict_of

ROOT = Path(__file__).parents[3]
REPORTS = ROOT / "stress" / "reports"
VERSIONS = ("3.11", "3.13")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_baseline_is_green_and_whole(version: str) -> None:
    report = from_json((REPORTS / f"cpython-{version}.json").read_text("utf-8"))
    assert f"CPython {version}." in report.python
    assert report.profile == "full"
    assert verdict_of(report) is Verdict.OK
    assert [(result.case.subject, result.case.name) for result in report.results] == [
        (cases[0].subject, cases[0].name) for cases in plan("full")
    ]
    assert {finding.bound for finding in report.findings} == set(BOUNDS) - {"rejections"}
    assert {finding.bound for finding in report.broken} == set(BOUNDS)
    assert tuple(point.every for point in report.curve) == CURVE
    assert len(report.pairs) == len(LEVELS)


@pytest.mark.parametrize("name", ["goodput", "collapse"])
def test_the_pictures_are_drawn_from_the_baseline(name: str, baseline: LabReport) -> None:
    assert baseline.collapse is not None
    drawn = (
        plots.goodput_curve(baseline, standalone=True)
        if name == "goodput"
        else plots.collapse_picture(baseline.collapse, standalone=True)
    )
    assert (REPORTS / f"{name}.svg").read_text("utf-8").splitlines()[0] == drawn.splitlines()[0]
    assert len(drawn) == pytest.approx(len((REPORTS / f"{name}.svg").read_text("utf-8")), rel=0.05), (
        "another matplotlib draws a little otherwise"
    )
    assert f"reports/{name}.svg" in (ROOT / "stress" / "docs" / "overload.md").read_text("utf-8")


def test_the_curve_bends_down_for_others_and_not_here(baseline: LabReport) -> None:
    share = {(result.case.subject, result.case.name): result.figures.get("goodput_share", 0.0) for result in baseline.results}
    assert {subject for subject, _ in share} == set(SUBJECTS)
    for level in LEVELS:
        assert share[OURS, level_name(level)] >= 0.95
    for subject in ("queue.Queue unbounded", "queue.SimpleQueue", "ThreadPoolExecutor"):
        assert share[subject, "10x"] < 0.5


def test_the_soak_is_green_and_long() -> None:
    report = from_json((REPORTS / "soak-cpython-3.11.json").read_text("utf-8"))
    assert verdict_of(report) is Verdict.OK
    (result,) = report.results
    assert (result.case.subject, result.case.seconds) == (OURS, 1800)
    measured = {finding.bound: finding.measured or 0.0 for finding in report.findings}
    assert measured["rejections"] > 1e8
    assert measured["memory"] <= BOUNDS["memory"].limit
