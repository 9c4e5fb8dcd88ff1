"""The pages on patience say what the reports say, and the reports say that every row reached its bound."""

import re
from pathlib import Path

import pytest

from tidegate_specs.check import Verdict
from tidegate_stress.freshness.case import BOUND, DRIFTS, FRESH, PLAIN, ROWS, Report, from_json
from tidegate_stress.freshness.judge import verdict_of
from tidegate_stress.freshness.report import table

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.13", "3.15")
REPORTS = {
    version: from_json((ROOT / "stress" / "reports" / f"freshness-cpython-{version}.json").read_text("utf-8"))
    for version in VERSIONS
}
SIZING = (ROOT / "kernel" / "docs" / "sizing.md").read_text("utf-8")
PAGE = (ROOT / "stress" / "docs" / "freshness.md").read_text("utf-8")


def marked(page: str, name: str) -> str:
    found = re.search(rf"<!-- table: {name} .*?-->\n(.*?)<!-- end -->", page, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_table_is_what_the_reports_say() -> None:
    assert marked(PAGE, "freshness") == table(REPORTS)


def test_the_table_of_the_page_on_sizes_is_too() -> None:
    assert marked(SIZING, "patience") == table(REPORTS, [PLAIN])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_row_reached_its_bound(version: str) -> None:
    report = REPORTS[version]
    assert verdict_of(report) is Verdict.OK
    assert report.python.startswith(version)
    assert [finding.case.name for finding in report.findings] == [case.name for case in (*ROWS, *DRIFTS)]
    best = {
        case.name: max(each.share for each in report.results if (each.case.name, each.subject) == (case.name, FRESH))
        for case in ROWS
    }
    assert min(best.values()) >= BOUND


def test_planted_wrong_figure_is_found() -> None:
    first = REPORTS["3.11"]
    wrong = Report(first.version, first.python, first.started, first.seconds, first.results[:-1], (), first.findings)
    assert marked(PAGE, "freshness") != table({**REPORTS, "3.11": wrong})


def test_the_worked_example_is_the_arithmetic() -> None:
    capacities = [workers * wait_ms // service_ms for workers, wait_ms, service_ms in ((2, 90, 10), (2, 60, 40))]
    assert f"2 x 90 / 10 = {capacities[0]} on a good day, and 2 x 60 / 40 = {capacities[1]} on a bad one" in " ".join(
        SIZING.split()
    )
    assert f"`FreshIntake({capacities[0]}, patience_s={(100 - 40) / 1000:g})`" in SIZING
