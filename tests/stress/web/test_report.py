"""Every bound holds for a good run, made-up figures break it, noise makes it unknown; and every form of the report."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tidegate_specs.check import Verdict
from tidegate_stress.lab.case import PERCENTILES, Finding, Ladder
from tidegate_stress.web import plots
from tidegate_stress.web.case import (
    FIGURES,
    LADDERS,
    SERVERS,
    ClosedResult,
    WebCase,
    WebInterval,
    WebReport,
    WebResult,
    from_json,
    to_json,
)
from tidegate_stress.web.judge import BOUNDS, EXACT, Bound, breaks, judge, verdict_of
from tidegate_stress.web.report import HEAD, ended_line, markdown, page, recovery_text, render, row_of
from tidegate_stress.web.run import plan

REPORTS = Path(__file__).parents[3] / "stress" / "reports"
HOSTILE = "<script>alert(1)</script>\x1b[31m|\n"


def times(p99_s: float, count: int = 500) -> Ladder:
    """Make a distribution that takes this long at every percentile."""
    value_ns = int(p99_s * 1e9)
    return Ladder(count, float(value_ns), (value_ns,) * len(PERCENTILES), value_ns)


def fine(case: WebCase) -> WebResult:
    """Give what a run with the middleware gives."""
    figures = {
        "offered": 1000.0,
        "good": 150.0,
        "late": 0.0,
        "rejected": 850.0,
        "bare_rejections": 0.0,
        "gave_up": 0.0,
        "broken": 0.0,
        "unsent": 0.0,
        "goodput_per_s": 99.0,
        "goodput_share": 0.99,
        "answered_share": 1.0,
        "recovery_s": 0.05,
        "peak_inside": 16.0,
        "peak_transfers": 4.0,
        "slots_lost": 0.0,
        "rss_growth_bytes": float(1 << 20),
        "server_cores": 0.2,
        "generator_cores": 0.1,
        "sent_late_p99_s": 0.002,
        "stolen_share": 0.01,
    }
    ladders = {"served": times(0.165), "taken": times(0.165), "rejected": times(0.003)}
    intervals = tuple(WebInterval(t / 4, 1000.0, 100.0, 0.0, 900.0, 0.0, 16, 150.0 if t else None, 30 << 20) for t in range(8))
    return WebResult(case, "", "", figures, ladders, intervals)


def collapsed(case: WebCase) -> WebResult:
    """Give what a run without the middleware gives."""
    result = fine(case)
    figures = {
        **result.figures,
        "good": 40.0,
        "late": 60.0,
        "rejected": 0.0,
        "gave_up": 900.0,
        "goodput_share": 0.01,
        "goodput_per_s": 1.0,
        "answered_share": 0.04,
        "recovery_s": 1.99,
        "peak_inside": 1200.0,
        "peak_transfers": 64.0,
        "rss_growth_bytes": float(60 << 20),
    }
    del figures["slots_lost"]
    return WebResult(case, "", "", figures, {"served": times(0.8), "taken": times(1.2)}, result.intervals)


@pytest.fixture(scope="module")
def report() -> WebReport:
    """Give a report on made-up results of the whole plan."""
    results = [fine(case) if case.guarded else collapsed(case) for case in plan("full", SERVERS)]
    peers = {result.case.name: result for result in results if result.case.guarded}
    found = [judge(bound, each, peers) for each in results for bound in BOUNDS if each.case.guarded and bound.covers(each.case)]
    broken = [judge(bound, each, peers) for each in results for bound in BOUNDS if breaks(bound, each.case)]
    assert {each.verdict for each in found} == {Verdict.OK}
    assert {each.verdict for each in broken} == {Verdict.ILLEGAL}
    closed = (
        ClosedResult("wrk", "uvicorn", True, 160, 3.0, 95.0, 4000.0),
        ClosedResult("hey", "uvicorn", False, 160, 3.0, 100.0, 0.0, 0.0, 1.5, 1.6, 3, "it \x1b[31mstopped"),
    )
    return WebReport(
        version="0",
        python="CPython 3.11.0",
        platform="Linux",
        cores=2,
        started="2026-01-01T00:00:00+00:00",
        profile="full",
        seed=0,
        seconds=400.0,
        noise={"stolen_share": 0.01},
        servers={server: f"{server} 1.0" for server in SERVERS},
        results=tuple(results),
        findings=tuple(found),
        broken=tuple(broken),
        closed=closed,
    )


BY_NAME = {bound.name: bound for bound in BOUNDS}
CASE = WebCase("uvicorn", "10x", guarded=True, level=10.0, seconds=6.0, after_s=2.0)


def judged(name: str, result: WebResult) -> Finding:
    return judge(BY_NAME[name], result, {"2x": fine(replace(CASE, name="2x"))})


def with_figures(**figures: float) -> WebResult:
    good = fine(CASE)
    return replace(good, figures={**good.figures, **figures})


def with_times(**seconds: float) -> WebResult:
    good = fine(CASE)
    return replace(good, ladders={**good.ladders, **{name: times(each) for name, each in seconds.items()}})


BREAKERS = {
    "goodput": with_figures(goodput_share=0.79),
    "answered": with_figures(answered_share=0.97),
    "latency": with_times(taken=0.241),
    "flat": with_times(taken=0.25),
    "rejection": with_times(rejected=0.041),
    "memory": with_figures(rss_growth_bytes=17 * 2**20),
    "recovery": with_figures(recovery_s=0.41),
    "inside": with_figures(peak_inside=17),
    "slots": with_figures(slots_lost=1),
    "refusals": with_figures(bare_rejections=1),
}


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: bound.name)
def test_a_bound_holds_for_a_good_run_and_made_up_figures_break_it(bound: Bound) -> None:
    assert judged(bound.name, fine(CASE)).verdict is Verdict.OK
    broken = judged(bound.name, BREAKERS[bound.name])
    assert broken.verdict is Verdict.ILLEGAL
    assert broken.witness
    assert broken.replay == "tidegate web --server uvicorn --profile full"


def test_transfers_have_a_wall_of_their_own() -> None:
    assert judged("inside", with_figures(peak_transfers=5)).verdict is Verdict.ILLEGAL


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: bound.name)
@pytest.mark.parametrize(
    "noise", [{"stolen_share": 0.5}, {"generator_cores": 0.9}, {"sent_late_p99_s": 0.1}, {"unsent": 100.0}], ids=str
)
def test_noise_is_no_fault_unless_it_is_a_count(bound: Bound, noise: dict[str, float]) -> None:
    broken = BREAKERS[bound.name]
    found = judged(bound.name, replace(broken, figures={**broken.figures, **noise}))
    assert found.verdict is (Verdict.ILLEGAL if bound.name in EXACT else Verdict.UNKNOWN)
    held = judged(bound.name, with_figures(**noise))
    spared = "unsent" in noise and bound.name not in EXACT
    assert held.verdict is (Verdict.UNKNOWN if spared else Verdict.OK), "what holds although the machine is noisy holds"


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: bound.name)
def test_what_was_not_measured_is_unknown(bound: Bound) -> None:
    assert judged(bound.name, WebResult(CASE, "no server", "it did not start")).verdict is Verdict.UNKNOWN
    assert judged(bound.name, replace(BREAKERS[bound.name], ended="the server died")).verdict is Verdict.UNKNOWN


def test_every_bound_covers_a_case_and_those_that_can_be_are_broken_by_a_run_without_the_middleware() -> None:
    cases = plan("full", SERVERS)
    for bound in BOUNDS:
        assert any(bound.covers(case) for case in cases if case.guarded)
        assert len([case for case in cases if breaks(bound, case)]) == len(bound.broken_by)
        for case in cases:
            if breaks(bound, case):
                assert judge(bound, collapsed(case), {}).verdict is Verdict.ILLEGAL
    never = {bound.name for bound in BOUNDS if not bound.broken_by}
    assert never == {"flat", "rejection", "slots", "refusals"}, "there is nothing to measure of them without the middleware"


def test_a_run_without_the_middleware_that_keeps_a_bound_makes_the_whole_unknown(report: WebReport) -> None:
    assert verdict_of(report) is Verdict.OK
    kept = replace(report.broken[0], verdict=Verdict.OK)
    assert verdict_of(replace(report, broken=(kept, *report.broken[1:]))) is Verdict.UNKNOWN
    guilty = replace(report.findings[0], verdict=Verdict.ILLEGAL)
    assert verdict_of(replace(report, findings=(guilty,), broken=(kept,))) is Verdict.ILLEGAL
    assert verdict_of(replace(report, findings=(), broken=())) is Verdict.UNKNOWN


# The forms of the report.


@pytest.fixture
def hostile(report: WebReport) -> WebReport:
    finding = replace(report.findings[0], verdict=Verdict.ILLEGAL, measured=None, witness=HOSTILE, subject=HOSTILE)
    broken_off = WebResult(replace(CASE, name=HOSTILE), HOSTILE, HOSTILE)
    return replace(report, findings=(finding, *report.findings[1:]), results=(*report.results, broken_off))


def test_json_and_back(report: WebReport) -> None:
    assert from_json(to_json(report)) == report


def test_every_figure_and_ladder_is_explained(report: WebReport) -> None:
    assert {name for result in report.results for name in result.figures} <= set(FIGURES)
    assert {name for result in report.results for name in result.ladders} <= set(LADDERS)


def test_the_text_tells_the_verdict_last_and_both_arms_side_by_side(report: WebReport) -> None:
    text = render(report)
    assert text.splitlines()[-1].startswith("tidegate web: OK (")
    rows = [line.split() for line in text.splitlines() if line.strip().startswith("10x ")]
    assert [row[1] for row in rows] == ["without", "with"] * len(SERVERS)
    assert "it \\x1b[31mstopped" in text
    assert "\x1b" not in text


def test_hostile_words_are_harmless(hostile: WebReport) -> None:
    assert "\x1b" not in render(hostile) + markdown(hostile) + page(hostile)
    assert "<script" not in page(hostile) + markdown(hostile)
    assert "ILLEGAL" in render(hostile).splitlines()[-1]


def test_the_page_has_its_pictures_and_loads_nothing(report: WebReport) -> None:
    html = page(report)
    assert html.count("<svg") == 4
    assert not re.findall(r'(?:src|href)="(?!#|data:,)[^"]*"', html)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for svg in re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL):
        ET.fromstring(svg)


def test_a_picture_is_the_same_each_time(report: WebReport) -> None:
    assert plots.against_load(report, standalone=True) == plots.against_load(report, standalone=True)


def test_a_report_of_nothing_can_be_laid_out(report: WebReport) -> None:
    empty = replace(report, results=(), findings=(), broken=(), closed=())
    assert render(empty).splitlines()[-1].startswith("tidegate web: done (nothing was judged")
    assert page(empty).startswith("<!doctype html>")
    assert markdown(empty).startswith("# tidegate web: UNKNOWN")
    assert from_json(to_json(empty)) == empty


def test_a_case_is_told_in_one_line() -> None:
    good = ended_line(fine(CASE), [judged("goodput", fine(CASE))])
    assert "goodput 99.0%" in good
    assert "ILLEGAL" not in good
    assert "ILLEGAL goodput: 0.79" in ended_line(BREAKERS["goodput"], [judged("goodput", BREAKERS["goodput"])])
    without = replace(CASE, guarded=False)
    broken = judge(BY_NAME["goodput"], collapsed(without), {})
    assert "breaks goodput" in ended_line(collapsed(without), [broken])
    assert "does NOT break goodput" in ended_line(collapsed(without), [replace(broken, verdict=Verdict.UNKNOWN)])


@pytest.mark.parametrize(
    ("recovery_s", "text"),
    [(None, "-"), (0.0, "at once"), (0.05, "50 ms"), (1.95, "not in 2 s")],
    ids=["unseen", "0", "50 ms", "never"],
)
def test_a_recovery_that_did_not_come_is_told_so(recovery_s: float | None, text: str) -> None:
    figures = {} if recovery_s is None else {"recovery_s": recovery_s}
    assert recovery_text(WebResult(CASE, figures=figures)) == text


def test_a_row_has_a_cell_for_each_column() -> None:
    assert len(row_of(fine(CASE))) == len(row_of(WebResult(CASE, "no server"))) == len(HEAD)


def test_the_baseline_is_whole_and_green() -> None:
    baseline = from_json((REPORTS / "web.json").read_text("utf-8"))
    assert baseline.profile == "full"
    assert verdict_of(baseline) is Verdict.OK
    assert [replace(each.case, seed=0) for each in baseline.results] == plan("full", SERVERS)
    drawn = plots.against_load(baseline, standalone=True)
    assert len(drawn) == pytest.approx(len((REPORTS / "web.svg").read_text("utf-8")), rel=0.05), (
        "another matplotlib draws otherwise"
    )
