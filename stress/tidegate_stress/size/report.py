"""What `tidegate size` found, for a terminal of 100 columns and as one page of HTML."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from tidegate_specs.reports import one_line, plain_text

from ..lab.page import STYLE, drawing_of, section, words
from ..lab.text import Section, aligned
from . import plots
from .case import SizeReport
from .curve import LEVELS, Point
from .knee import Level
from .suggest import Suggestion, milliseconds

WIDTH: Final = 100
LEVELS_SHOWN: Final = 12


def heading(report: SizeReport) -> str:
    """Say what was looked at, where, and how much of it."""
    noise = f"; others took {report.stolen_share:.0%} of the processor" if report.source == "probe" else ""
    return f"tidegate {report.version} size: {report.title}; {report.told or 'nothing was measured'}{noise}"


def sections(report: SizeReport) -> Iterator[Section]:
    """Give the tables in order."""
    if (times := report.times) is not None:
        title = f"{'service time, when it is quiet' if times.quiet else 'request times, of all that were served'}"
        cells = [f"{times.count:,}", *map(milliseconds, (times.mean_s, *times.at_s.values(), times.longest_s))]
        yield title, ("calls", "mean", *times.at_s, "longest"), [cells], []
    if report.levels:
        rows = [[f"{each.inside:.3g}", f"{each.finished_per_s:.4g}", milliseconds(each.took_s)] for each in _some(report.levels)]
        yield "how many were inside at once", ("inside", "finished a second", "each took"), rows, []
    if (suggestion := report.suggestion) is not None:
        rows = [[value.name, f"{value.value:g}", value.reason] for value in suggestion.values]
        yield "suggested", ("what", "value", "why"), rows, []
    if report.curve:
        title = "in the simulator: finished in time, of what can be, against offered load"
        yield title, ("", *(f"{level:g}x" for level in LEVELS)), list(_curve_rows(report.curve)), [_curve_note(report)]


def _some(levels: Sequence[Level]) -> Sequence[Level]:
    step = -(-len(levels) // LEVELS_SHOWN)
    return [*levels[: len(levels) - 1 : step], levels[-1]]


def _curve_rows(points: Sequence[Point]) -> Iterator[list[str]]:
    for arm in dict.fromkeys(point.arm for point in points):
        found = {point.level: point for point in points if point.arm == arm}
        yield [arm, *(f"{found[level].good_share:.0%}" if level in found else "-" for level in LEVELS)]


def _curve_note(report: SizeReport) -> str:
    assert report.suggestion is not None
    return (
        f"{report.suggestion.workers} workers, {report.service} service times of {milliseconds(report.suggestion.mean_s)}; callers "
        f"give up after {milliseconds(report.suggestion.deadline_s)}"
    )


def to_write(suggestion: Suggestion) -> list[str]:
    """Give the suggestion as code."""
    capacity, floor = suggestion.capacity, suggestion.floor
    return [
        f"Bulkhead({capacity})",
        f"Admission(Bulkhead({capacity}), limit=AdaptiveLimit(floor={floor}))",
        f"FreshIntake({capacity}, patience_s={suggestion.patience_s:g})  # and {suggestion.workers} workers",
    ]


def last_line(report: SizeReport) -> str:
    """Give the verdict."""
    if report.why_not:
        return f"tidegate size: can't tell: {report.why_not}"
    return "tidegate size: OK"


def render(report: SizeReport) -> str:
    """Lay the report out in aligned columns, reasons below their values where they are long; the verdict is the last line."""
    lines = textwrap.wrap(plain_text(one_line(heading(report), 600)), WIDTH)
    for title, head, rows, below in sections(report):
        table = _with_reasons(rows) if title == "suggested" else aligned(head, rows)
        lines += ["", title, *table, *(part for each in below for part in _indented(each))]
    if report.suggestion is not None:
        lines += ["", "to write one of these, in each process", *(f"  {each}" for each in to_write(report.suggestion))]
    return "\n".join([*lines, "", *textwrap.wrap(plain_text(one_line(last_line(report), 600)), WIDTH), ""])


def _with_reasons(rows: Sequence[Sequence[str]]) -> list[str]:
    wide = max(len(name) for name, _, _ in rows), max(len(value) for _, value, _ in rows)
    lines: list[str] = []
    for name, value, reason in rows:
        first = f"  {name:<{wide[0]}}  {value:>{wide[1]}}  "
        lines += textwrap.wrap(reason, WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
    return lines


def _indented(text: str) -> list[str]:
    return textwrap.wrap(plain_text(text), WIDTH, initial_indent="  ", subsequent_indent="  ")


def page(report: SizeReport) -> str:
    """Lay the report out as a page: no script, nothing loaded from elsewhere."""
    verdict = report.verdict.value
    drawings = [f"<h2>{words(title)}</h2>{drawing_of(svg, caption)}" for title, svg, caption in plots.pictures(report)]
    code = "<br>".join(f"<code>{words(each)}</code>" for each in (to_write(report.suggestion) if report.suggestion else ()))
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>tidegate size: {words(report.title)}</title><link rel="icon" href="data:,">',
        f"<style>\n{STYLE}</style></head>",
        "<body>",
        f'<h1>How large? <span class="{verdict}">{verdict}</span></h1>',
        f'<p>{words(last_line(report))}</p><p class="stamp">{words(heading(report))}; {words(report.python)}, {report.started}</p>',
        *(line for each in sections(report) for line in section(*each)),
        *([f"<h2>To write</h2><p>{code}</p>"] if code else []),
        *drawings,
        f"<h2>To reproduce</h2>\n<p><code>{words(report.command)}</code></p>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"
