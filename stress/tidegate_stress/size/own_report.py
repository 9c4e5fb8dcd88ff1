"""What `tidegate stress --app` saw, for a terminal, as Markdown and as one page of HTML with its plots."""

import textwrap
from collections.abc import Callable, Iterator
from itertools import starmap
from typing import Any, Final

from tidegate_specs.reports import one_line, plain_text

from ..lab.page import STYLE, drawing_of, section, words
from ..lab.plots import OURS_COLOUR, SOFT, THERE_COLOUR, figure_of, svg_of
from ..lab.text import Section, aligned, escaped, markdown_row
from .own_case import Figures, OwnReport
from .suggest import milliseconds

WIDTH: Final = 100
HEAD: Final = tuple("load,wall,offered/s,in time,late,refused,lost,p50,p99,refusal p99".split(","))
ARMS: Final = ((False, THERE_COLOUR, "without a wall"), (True, OURS_COLOUR, "with it"))


def row_of(figures: Figures) -> list[str]:
    """Give the figures of one load."""

    def time(value: float | None) -> str:
        return "-" if value is None else milliseconds(value)

    lost = figures.failed + figures.unfinished + figures.unsent
    return [
        f"{figures.level:g}x",
        str(figures.slots or "-"),
        f"{figures.offered_per_s:,.0f}",
        f"{figures.good_share:.0%}",
        *(f"{each:,}" for each in (figures.late, figures.refused, lost)),
        *map(time, (figures.p50_s, figures.p99_s, figures.refusal_p99_s)),
    ]


def in_words(report: OwnReport) -> list[str]:
    """Say what was seen at the highest load, without the wall and with it."""
    found: list[str] = []
    for walled in (False, True):
        last = next((each for each in reversed(report.results) if bool(each.slots) is walled), None)
        if last is not None:
            p99 = "" if last.p99_s is None else f", and 99 % of what was taken in took up to {milliseconds(last.p99_s)}"
            with_it = f"With a wall of {last.slots} slots" if walled else "Without a wall"
            refused = ""
            if last.refusal_p99_s is not None:
                refused = f"; {last.refused:,} were refused, 99 % of them within {milliseconds(last.refusal_p99_s)}"
            found.append(f"{with_it}, at {last.level:g}x, {last.good_share:.0%} of what it can finish was in time{p99}{refused}.")
    problems = [problem for each in report.results for problem in each.problems]
    if problems:
        found.append(f"Calls failed: {'; '.join(dict.fromkeys(problems))}")
    return found


def sections(report: OwnReport) -> Iterator[Section]:
    """Give the tables in order."""
    if report.results:
        title = f"what callers saw who give up after {milliseconds(report.deadline_s)}"
        yield title, HEAD, [row_of(each) for each in report.results], in_words(report)


def heading(report: OwnReport) -> str:
    """Say what was called, and what it can do."""
    known = (
        f"; 1x is {report.rate_per_s:.4g} calls a second, of {milliseconds(report.service_s)} each, {report.workers} at once"
        if report.rate_per_s
        else ""
    )
    return (
        f"tidegate {report.version} stress: {report.title}; {report.seconds:g} s of each load{known}; others took "
        f"{report.stolen_share:.0%} of the processor"
    )


def render(report: OwnReport) -> str:
    """Lay the report out in aligned columns; the verdict is the last line."""
    lines = _wrapped(heading(report))
    for title, head, rows, below in sections(report):
        lines += ["", title, *aligned(head, rows), ""]
        for each in below:
            lines += _wrapped(each)
    return "\n".join([*lines, "", *_wrapped(f"tidegate stress: {report.verdict.value}: {report.why}"), ""])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(plain_text(one_line(text, 600)), WIDTH)


def markdown(report: OwnReport) -> str:
    """Give the same as Markdown."""
    lines = [f"# tidegate stress: {report.verdict.value}", "", heading(report), "", escaped(report.why)]
    for title, head, rows, below in sections(report):
        lines += ["", f"## {title}", "", markdown_row(head), markdown_row(["---"] * len(head)), *map(markdown_row, rows)]
        lines += ["", *(f"- {escaped(line)}" for line in below)]
    return "\n".join([*lines, ""])


def against_load(report: OwnReport) -> str:
    """Draw what was in time, and how long it took, against offered load, without a wall and with it."""
    figure, axes = figure_of(1, 2, 3.4)
    panels: tuple[tuple[str, Callable[[Figures], float]], ...] = (
        ("in time, of what can be, %", lambda each: 100 * each.good_share),
        ("p99 of what was taken in, ms", lambda each: 1e3 * (each.p99_s or 0.0)),
    )
    for axis, (label, of) in zip(axes[0], panels, strict=True):
        for walled, colour, name in ARMS:
            latest = {each.level: of(each) for each in report.results if bool(each.slots) is walled}
            if latest:
                points = sorted(latest.items())
                axis.plot(*zip(*points, strict=True), marker="o", markersize=4, linewidth=2.2, color=colour, label=name)
        _with_levels(axis, sorted({each.level for each in report.results}))
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
    axes[0][1].axhline(report.deadline_s * 1e3, color=SOFT, linewidth=1, linestyle="--")
    axes[0][0].legend(frameon=False)
    return svg_of(figure, "own-load", False)


def _with_levels(axis: Any, levels: list[float]) -> None:
    axis.set_xscale("log")
    axis.set_xticks(levels, [f"{level:g}x" for level in levels])
    axis.minorticks_off()
    axis.set_xlabel("offered load, of what can be finished")


def page(report: OwnReport) -> str:
    """Lay the report out as a page: no script, nothing loaded from elsewhere."""
    verdict = report.verdict.value
    drawing = drawing_of(against_load(report), "Dashed: when callers give up.") if report.results else ""
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>{words(report.title)} under overload: {verdict}</title><link rel="icon" href="data:,">',
        f"<style>\n{STYLE}</style></head>",
        "<body>",
        f'<h1>{words(report.title)}: <span class="{verdict}">{verdict}</span></h1>',
        f'<p>{words(report.why)}</p><p class="stamp">{words(heading(report))}; {words(report.python)}, {report.started}</p>',
        *([f"<h2>Against offered load</h2>{drawing}"] if drawing else []),
        *(line for each in starmap(section, sections(report)) for line in each),
        f"<h2>To reproduce</h2>\n<p><code>{words(report.command)}</code></p>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"
