"""The laboratory's plots, as SVG: the same report gives the same bytes. Alone they are on white; in a page they take its ink."""

import importlib
import io
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from .arrivals import CALM
from .case import OURS, PERCENTILES, Collapse, Interval, LabReport, Ladder, Result
from .cases import LEVELS, level_name
from .histogram import decode, values_at

INK: Final = "#1c1e21"
SOFT: Final = "#8a929b"
OURS_COLOUR: Final = "#0072b2"  # the palette is Okabe and Ito's, told apart by colour-blind readers
THERE_COLOUR: Final = "#d55e00"
COLOURS: Final = ("#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999933", "#882255", "#44aa99", "#777777")
FAINT: Final = "#f2d0b8"
WIDTH: Final = 8.4


def figure_of(rows: int, columns: int, height: float, **options: Any) -> tuple[Any, Any]:
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(True, color="#8a929b", alpha=0.25, linewidth=0.6)
        axis.set_axisbelow(True)
    return figure, axes


def logarithmic(axis: Any) -> None:
    """Give an axis powers of ten, and zero."""
    axis.set_yscale("symlog", linthresh=1.0)
    axis.yaxis.set_major_formatter(_plain)
    axis.yaxis.set_minor_locator(importlib.import_module("matplotlib.ticker").NullLocator())


def _plain(value: float, _place: object) -> str:
    return f"{value:,.0f}" if value >= 1 or value == 0 else f"{value:g}"


def svg_of(figure: Any, name: str, standalone: bool) -> str:
    """Draw it. name: begins every id, so that several drawings can be in one page."""
    matplotlib = importlib.import_module("matplotlib")
    target = io.StringIO()
    settings = {"svg.hashsalt": name, "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9.5}
    with matplotlib.rc_context(settings):
        background = {"facecolor": "white"} if standalone else {"transparent": True}
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None}, **background)
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = "\n".join(line.rstrip() for line in svg.splitlines())
    if not standalone:
        svg = re.sub(r"#000000|\bblack\b", "currentColor", svg)
        svg = re.sub(r"(<g id=\"[^\"]*text_\d+\">\s*<text style=\")", r"\1fill: currentColor; ", svg)
        svg = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", svg) if "viewBox" in svg else svg
    return svg + "\n"


def _colour(subject: str, subjects: Sequence[str]) -> str:
    return OURS_COLOUR if subject == OURS else COLOURS[[each for each in subjects if each != OURS].index(subject) % len(COLOURS)]


def _subjects(report: LabReport) -> list[str]:
    return sorted({result.case.subject for result in report.results}, key=lambda name: (name != OURS, name))


def _levels(report: LabReport, of: Callable[[Result], float | None]) -> dict[str, list[tuple[float, float]]]:
    """Give a figure of each subject at each level."""
    names = {level_name(level): level for level in LEVELS}
    found: dict[str, list[tuple[float, float]]] = {}
    for result in report.results:
        value = of(result) if result.case.name in names else None
        if value is not None:
            found.setdefault(result.case.subject, []).append((names[result.case.name], value))
    return {subject: sorted(points) for subject, points in found.items()}


def has_levels(report: LabReport) -> bool:
    """Tell whether any subject was seen at two levels or more."""
    return any(len(points) > 1 for points in _levels(report, lambda result: result.figures.get("goodput_share")).values())


def _against_load(report: LabReport, axis: Any, of: Callable[[Result], float | None]) -> None:
    subjects = _subjects(report)
    found = _levels(report, of)
    for subject in reversed(subjects):
        if points := found.get(subject):
            ours = subject == OURS
            axis.plot(
                *zip(*points, strict=True),
                marker="o",
                markersize=5 if ours else 3,
                linewidth=2.6 if ours else 1.3,
                color=_colour(subject, subjects),
                label=subject,
                zorder=3 if ours else 2,
            )
    axis.set_xscale("log")
    axis.set_xticks(LEVELS, [level_name(level) for level in LEVELS])
    axis.minorticks_off()
    axis.set_xlabel("offered load, as a multiple of what the workers sustain")


def goodput_curve(report: LabReport, *, standalone: bool = False) -> str:
    """Draw goodput against offered load: it bends down where work is finished for callers that have given up."""
    figure, axes = figure_of(1, 1, 3.9)
    axis = axes[0][0]
    _against_load(report, axis, lambda result: result.figures.get("goodput_share"))
    axis.set_ylim(0, 1.15)
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axis.set_ylabel("finished in time, of what the workers sustain")
    _legend(figure, axis)
    return svg_of(figure, "goodput", standalone)


def _legend(figure: Any, axis: Any) -> None:
    handles, labels = axis.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda place: labels[place] != OURS)
    figure.legend([handles[place] for place in order], [labels[place] for place in order], loc="outside right upper", frameon=False)


def latency_against_load(report: LabReport, *, standalone: bool = False) -> str:
    """Draw the 99th percentile of sojourn, and of an offer's response from its intended start, against offered load."""
    figure, axes = figure_of(2, 1, 6.2, sharex=True)
    for row, (name, label) in enumerate((("sojourn", "sojourn p99, ms"), ("offer_response", "offer p99 from intended start, ms"))):

        def value(result: Result, name: str = name) -> float | None:
            ladder = result.ladders.get(name)
            return None if ladder is None else ladder.at(99.0) / 1e6

        axis = axes[row][0]
        _against_load(report, axis, value)
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(_plain)
        axis.yaxis.set_minor_formatter("")
        axis.set_ylabel(label)
    axes[0][0].set_xlabel("")
    _legend(figure, axes[0][0])
    return svg_of(figure, "latency", standalone)


def over_time(report: LabReport, case: str, *, standalone: bool = False) -> str:
    """Draw depth, sojourn and resident memory over time in one case, a line for each subject; the end of the load is marked."""
    subjects = _subjects(report)
    figure, axes = figure_of(3, 1, 7.0, sharex=True)
    readings: tuple[tuple[str, bool, Callable[[Interval, Interval], float | None]], ...] = (
        ("accepted, unfinished items", True, lambda each, _: each.depth),
        ("sojourn, ms", True, lambda each, _: each.sojourn_ms),
        ("memory, MiB more", False, lambda each, first: (each.rss_bytes - first.rss_bytes) / 2**20),
    )
    for row, (label, log, of) in enumerate(readings):
        axis = axes[row][0]
        for result in report.results:
            if result.case.name == case and result.intervals:
                points = [(each.t_s, of(each, result.intervals[0])) for each in result.intervals]
                ours = result.case.subject == OURS
                axis.plot(
                    [at for at, _ in points],
                    [value if value is not None else float("nan") for _, value in points],
                    color=_colour(result.case.subject, subjects),
                    linewidth=2.4 if ours else 1.3,
                    label=result.case.subject,
                    zorder=3 if ours else 2,
                )
        if log:
            logarithmic(axis)
            axis.set_ylim(bottom=0)
        axis.set_ylabel(label)
    axes[-1][0].set_xlabel("seconds from the start of the load")
    _legend(figure, axes[0][0])
    return svg_of(figure, "time", standalone)


def percentile_curves(report: LabReport, name: str, case: str, *, standalone: bool = False) -> str:
    """Draw a distribution by percentile, on HdrHistogram's scale: every step to the right is ten times rarer."""
    subjects = _subjects(report)
    figure, axes = figure_of(1, 1, 3.9)
    axis = axes[0][0]
    for result in report.results:
        ladder = result.ladders.get(name)
        if result.case.name == case and ladder is not None:
            ours = result.case.subject == OURS
            axis.plot(
                *zip(*_curve(ladder), strict=True),
                color=_colour(result.case.subject, subjects),
                linewidth=2.4 if ours else 1.3,
                label=result.case.subject,
                zorder=3 if ours else 2,
            )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks([2, 10, 100, 1000, 10_000], ["50 %", "90 %", "99 %", "99.9 %", "99.99 %"])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(_plain)
    axis.set_xlabel(f"percentile of {case}")
    axis.set_ylabel("microseconds")
    _legend(figure, axis)
    return svg_of(figure, f"percentiles-{name.replace('_', '-')}", standalone)


def _curve(ladder: Ladder) -> list[tuple[float, float]]:
    """Give (1 / (1 - share), microseconds) along a distribution, as far as its count can tell."""
    if not ladder.encoded:
        return [(1 / (1 - percentile / 100), value / 1e3) for percentile, value in zip(PERCENTILES, ladder.values_ns, strict=True)]
    rare = [10 ** (place / 12) for place in range(12 * 4 + 1) if 10 ** (place / 12) <= ladder.count]
    values = values_at(decode(ladder.encoded), [100 * (1 - 1 / each) for each in rare])
    return [(each, max(1, value) / 1e3) for each, value in zip(rare, values, strict=True)]


def yield_curve(report: LabReport, *, standalone: bool = False) -> str:
    """Draw what yielding the processor on every n-th rejection brings the workers, and costs the offers."""
    figure, axes = figure_of(2, 1, 5.0, sharex=True)
    points = sorted(report.curve, key=lambda point: point.every or 10**9)
    places = range(len(points))
    axes[0][0].plot(places, [point.goodput_share for point in points], marker="o", color=OURS_COLOUR, linewidth=2)
    axes[0][0].axhline(0.8, color=THERE_COLOUR, linewidth=1, linestyle="--")
    axes[0][0].set_ylim(0, 1.1)
    axes[0][0].set_ylabel("goodput, 8 spinning producers")
    for label, colour, values in (
        ("p50", OURS_COLOUR, [point.p50_ns for point in points]),
        ("p99", "#009e73", [point.p99_ns for point in points]),
        ("p99.9", THERE_COLOUR, [point.p999_ns for point in points]),
    ):
        axes[1][0].plot(places, [value / 1e3 for value in values], marker="o", color=colour, linewidth=2, label=label)
    axes[1][0].set_yscale("log")
    axes[1][0].yaxis.set_major_formatter(_plain)
    axes[1][0].set_ylabel("offer at 100x, us")
    axes[1][0].set_xticks(list(places), [str(point.every) if point.every else "never" for point in points])
    axes[1][0].set_xlabel("yield on every n-th rejection")
    axes[1][0].legend(frameon=False)
    return svg_of(figure, "yield", standalone)


def collapse_picture(collapse: Collapse, *, standalone: bool = False) -> str:
    """Draw the same retry storm against an unbounded queue and against the kernel, side by side on the same axes."""
    figure, axes = figure_of(5, 2, 8.6, sharex=True, sharey="row")
    start_s, end_s = collapse.spike_s
    provisioned = collapse.here.figures.get("provisioned_per_s", 1.0)
    readings: tuple[tuple[str, bool, Callable[[Interval, Interval], float | None]], ...] = (
        ("offers, of capacity", True, lambda each, _: each.offered_per_s / provisioned),
        ("unfinished items", True, lambda each, _: each.depth),
        ("sojourn, ms", True, lambda each, _: each.sojourn_ms),
        ("in time, of capacity", False, lambda each, _: each.good_per_s / provisioned),
        ("memory, MiB more", False, lambda each, first: (each.rss_bytes - first.rss_bytes) / 2**20),
    )
    tops = [0.0] * len(readings)
    for column, (result, colour) in enumerate(((collapse.there, THERE_COLOUR), (collapse.here, OURS_COLOUR))):
        for row, (label, log, of) in enumerate(readings):
            axis = axes[row][column]
            seen = [each for each in result.intervals if each.t_s <= result.case.seconds]
            values = [of(each, result.intervals[0]) for each in seen]
            axis.axvspan(start_s, end_s, color=FAINT, alpha=0.45, linewidth=0)
            axis.plot(
                [each.t_s for each in seen],
                [float("nan") if value is None else value for value in values],
                color=colour,
                linewidth=1.8,
            )
            if log:
                logarithmic(axis)
            tops[row] = max(tops[row], *(value or 0.0 for value in values))
            if column == 0:
                axis.set_ylabel(label)
            if row == 3:
                axis.axhline(CALM, color=SOFT, linewidth=1, linestyle=":")
        axes[0][column].set_title(f"{result.case.subject}", fontweight="bold", color=colour)
        axes[-1][column].set_xlabel("seconds; shaded: three times capacity")
    for row, (_, log, _) in enumerate(readings):
        axes[row][0].set_ylim(0, tops[row] * (2 if log else 1.1))
    return svg_of(figure, "collapse", standalone)
