"""The report reads well everywhere: as text, as Markdown, as a page, as JSON and back; and hostile words in it are harmless."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from tidegate_specs.check import Verdict
from tidegate_stress.lab import plots
from tidegate_stress.lab.case import FIGURES, LADDERS, OURS, LabReport, Result, from_json, to_json
from tidegate_stress.lab.page import page
from tidegate_stress.lab.text import markdown, number, render, time_text, verdict_of

VOID = {"meta", "link", "br", "path", "use"}
HOSTILE = "<script>alert(1)</script>\x1b[31m|\n"


class Reader(HTMLParser):
    """Read a page: its ids, its tags, what it would load; and see that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.loaded: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in {"src", "srcset", "data"} or (name.endswith("href") and not (value or "").startswith("#")):
                self.loaded.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.faults.append(f"</{tag}> at {self.getpos()}")


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def html(baseline: LabReport) -> str:
    return page(baseline)


@pytest.fixture
def hostile(baseline: LabReport) -> LabReport:
    finding = replace(baseline.findings[0], verdict=Verdict.ILLEGAL, measured=None, witness=HOSTILE, subject=HOSTILE)
    broken_off = Result(
        replace(baseline.results[0].case, name=HOSTILE), "killed by SIGKILL", HOSTILE, {"accepted": 3.0}, problems=(HOSTILE,)
    )
    return replace(baseline, findings=(finding, *baseline.findings[1:]), results=(*baseline.results, broken_off))


def test_json_and_back(baseline: LabReport) -> None:
    assert from_json(to_json(baseline)) == baseline
    assert to_json(baseline, histograms=False).count('"encoded": ""') == to_json(baseline).count('"encoded"')


def test_every_figure_and_ladder_is_explained(baseline: LabReport) -> None:
    assert {name for result in baseline.results for name in result.figures} <= set(FIGURES)
    assert {name for result in baseline.results for name in result.ladders} <= set(LADDERS)


def test_thresholds_come_first(baseline: LabReport, html: str) -> None:
    for text in (render(baseline), markdown(baseline), html):
        assert 0 < text.index("thresholds") < text.index("offered/s")
    assert render(baseline).splitlines()[-1].startswith(f"tidegate stress: {verdict_of(baseline).value} (")


def test_text_is_plain_unless_coloured(hostile: LabReport) -> None:
    assert "\x1b" not in render(hostile, detailed=True) + markdown(hostile)
    assert "\x1b[32mOK\x1b[0m" in render(hostile, colour=True)
    assert all(line == line.rstrip() for line in render(hostile).splitlines())


def test_a_detailed_report_has_every_ladder(baseline: LabReport) -> None:
    text = render(baseline, detailed=True)
    assert text.count("p99.99") == sum(bool(result.ladders) for result in baseline.results)
    assert "context switches" not in text
    assert "switches, waited" in text


def test_what_was_not_measured_is_a_dash(hostile: LabReport) -> None:
    row = next(line for line in render(hostile).splitlines() if "killed by SIGKILL" in line)
    assert " - " in row
    assert "nan" not in row
    assert number(None) == time_text(None) == "-"


def test_a_fault_is_told_with_its_command(hostile: LabReport) -> None:
    text = render(hostile)
    assert "ILLEGAL ledger in 1x" in text
    assert "replay: tidegate stress --case 1x" in text
    assert verdict_of(hostile) is Verdict.ILLEGAL


def test_a_bound_that_was_not_broken_is_no_pass(baseline: LabReport) -> None:
    fine = replace(baseline, findings=tuple(replace(each, verdict=Verdict.OK) for each in baseline.findings))
    assert fine.broken
    assert verdict_of(fine) is Verdict.OK
    assert verdict_of(replace(fine, broken=(replace(fine.broken[0], verdict=Verdict.OK),))) is Verdict.UNKNOWN
    nothing = replace(fine, findings=(), broken=(), results=())
    assert verdict_of(nothing) is Verdict.UNKNOWN
    assert "nothing was judged" in render(nothing)


def test_page_is_well_formed_and_loads_nothing(html: str, hostile: LabReport) -> None:
    for text in (html, page(hostile)):
        reader = read(text)
        assert reader.faults == []
        assert reader.open == []
        assert len(set(reader.ids)) == len(reader.ids)
        assert reader.loaded == ["data:,"]
        assert not reader.tags & {"script", "iframe", "img", "object", "embed", "form"}
        assert "<script>alert" not in text
        references = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
        assert {one or other for one, other in references} <= set(reader.ids)


def test_page_is_for_phones_paper_and_the_dark(html: str) -> None:
    for wanted in ("width=device-width", "prefers-color-scheme: dark", "@media print", "overflow-x: auto"):
        assert wanted in html
    assert not re.search(r"(?:stroke|fill): #000000", html), "black ink would be lost in the dark"


def test_what_a_report_lacks_is_left_out(baseline: LabReport) -> None:
    bare = replace(baseline, results=(), pairs=(), curve=(), collapse=None, broken=())
    assert "<svg" not in page(bare)
    only = replace(bare, collapse=baseline.collapse)
    assert page(only).count("<svg") == 1
    assert read(page(only)).faults == []


def test_the_same_report_gives_the_same_bytes(baseline: LabReport, html: str) -> None:
    assert page(baseline) == html


DRAWINGS: dict[str, Callable[[LabReport, bool], str]] = {
    "goodput": lambda report, alone: plots.goodput_curve(report, standalone=alone),
    "latency": lambda report, alone: plots.latency_against_load(report, standalone=alone),
    "time": lambda report, alone: plots.over_time(report, "10x", standalone=alone),
    "percentiles": lambda report, alone: plots.percentile_curves(report, "sojourn", "10x", standalone=alone),
    "yield": lambda report, alone: plots.yield_curve(report, standalone=alone),
}


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("alone", [True, False])
def test_a_drawing_is_xml_with_words_in_it(name: str, alone: bool, baseline: LabReport) -> None:
    svg = DRAWINGS[name](baseline, alone)
    root = ET.fromstring(svg)
    words = " ".join("".join(each.itertext()) for each in root.iter() if each.tag.endswith("text"))
    assert len(words) > 20
    assert ("currentColor" in svg) == (not alone)
    if name != "yield":
        assert OURS in words


def test_the_collapse_is_drawn_on_the_same_axes(baseline: LabReport) -> None:
    assert baseline.collapse is not None
    svg = plots.collapse_picture(baseline.collapse, standalone=True)
    words = " ".join("".join(each.itertext()) for each in ET.fromstring(svg).iter() if each.tag.endswith("text"))
    for wanted in (OURS, "queue.Queue unbounded", "sojourn, ms", "memory, MiB more"):
        assert wanted in words
