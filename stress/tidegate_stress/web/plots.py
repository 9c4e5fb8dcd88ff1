"""The pictures of `tidegate web`, as SVG: goodput and latency against offered load, and what happens over time at 10x."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from ..lab.plots import FAINT, OURS_COLOUR, SOFT, THERE_COLOUR, figure_of, logarithmic, svg_of
from .case import CAPACITY_PER_S, DEADLINE_S, PATIENCE_S, WebInterval, WebReport, WebResult

Reading = Callable[[WebInterval], float | None]
ARMS: Final = ((False, THERE_COLOUR, "without the middleware"), (True, OURS_COLOUR, "with it"))


def _levels(report: WebReport, server: str, guarded: bool) -> list[WebResult]:
    found = [each for each in report.results if (each.case.server, each.case.guarded) == (server, guarded)]
    return sorted((each for each in found if each.case.trouble == "none"), key=lambda each: each.case.level)


def _servers(report: WebReport) -> list[str]:
    return list(dict.fromkeys(each.case.server for each in report.results if each.case.trouble == "none"))


def against_load(report: WebReport, *, standalone: bool = False) -> str:
    """Draw goodput and the 99th percentile of what was taken in against offered load, a column for each server."""
    servers = _servers(report)
    figure, axes = figure_of(2, len(servers), 5.2, sharex=True, sharey="row")
    for column, server in enumerate(servers):
        for guarded, colour, label in ARMS:
            results = _levels(report, server, guarded)
            goods = [(each.case.level, each.figures.get("goodput_per_s", 0.0) / CAPACITY_PER_S) for each in results]
            tails = [(each.case.level, each.ladders["taken"].at(99.0) / 1e6) for each in results if "taken" in each.ladders]
            for row, points in enumerate((goods, tails)):
                if points:
                    axes[row][column].plot(
                        *zip(*points, strict=True), marker="o", markersize=4, linewidth=2.2, color=colour, label=label
                    )
        _with_levels(axes[1][column], [each.case.level for each in _levels(report, server, True) or _levels(report, server, False)])
        axes[0][column].set_title(server, fontweight="bold")
        axes[1][column].axhline(DEADLINE_S * 1e3, color=SOFT, linewidth=1, linestyle="--")
        axes[1][column].set_xlabel("offered load / capacity")
    axes[0][0].set_ylim(0, 1.15)
    axes[0][0].set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes[0][0].set_ylabel("served in time, of capacity")
    axes[1][0].set_ylim(0, PATIENCE_S * 1.1e3)
    axes[1][0].set_ylabel("p99 of what was taken in, ms")
    _legend(figure, axes[0][0])
    return svg_of(figure, "web-load", standalone)


def _with_levels(axis: Any, levels: list[float]) -> None:
    axis.set_xscale("log")
    axis.set_xticks(levels, [f"{level:g}x" for level in levels])
    axis.minorticks_off()


def _legend(figure: Any, axis: Any) -> None:
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False)


def over_time(report: WebReport, case: str, *, standalone: bool = False) -> str:
    """Draw one case over time, a column for each server: what is served in time, how long it takes, who waits, memory."""
    found = [each for each in report.results if each.case.name == case and each.intervals]
    servers = list(dict.fromkeys(each.case.server for each in found))
    readings: tuple[tuple[str, bool, Reading], ...] = (
        ("in time, of capacity", False, lambda each: each.good_per_s / CAPACITY_PER_S),
        ("served after, ms", False, lambda each: each.served_ms),
        ("callers waiting", True, lambda each: each.waiting),
        ("memory, MiB", False, lambda each: each.rss_bytes / 2**20),
    )
    figure, axes = figure_of(len(readings), len(servers), 7.6, sharex=True, sharey="row")
    for column, server in enumerate(servers):
        for guarded, colour, label in ARMS:
            for result in (each for each in found if (each.case.server, each.case.guarded) == (server, guarded)):
                end_s = result.case.seconds + result.case.after_s + 0.05  # then all that is left is to wait
                intervals = [each for each in result.intervals if each.t_s <= end_s]
                times = [each.t_s for each in intervals]
                for row, (_, _, of) in enumerate(readings):
                    values = [of(each) for each in intervals]
                    shown = [float("nan") if value is None else value for value in values]
                    axes[row][column].plot(times, shown, color=colour, linewidth=1.8, label=label)
                    axes[row][column].axvspan(0, result.case.seconds, color=FAINT, alpha=0.25, linewidth=0)
        axes[0][column].set_title(server, fontweight="bold")
        axes[-1][column].set_xlabel("seconds; shaded: the load")
    for row, (label, log, _) in enumerate(readings):
        if log:
            logarithmic(axes[row][0])
        axes[row][0].set_ylim(bottom=0)
        axes[row][0].set_ylabel(label)
    _legend(figure, axes[0][0])
    return svg_of(figure, f"web-time-{case.replace(' ', '-')}", standalone)


def pictures(report: WebReport) -> Iterator[tuple[str, str, str]]:
    """Give a title, a drawing and a caption for everything that the report has enough of."""
    if any(len(_levels(report, server, True)) > 1 for server in _servers(report)):
        yield (
            "Against offered load",
            against_load(report),
            "Above: requests served within the deadline, once the first deadline is over. Below: from the intended start until "
            f"served, or until the caller hung up, which they all do after {PATIENCE_S:g} s; dashed: the deadline.",
        )
    captions = {
        "10x": "Ten times the capacity, and half of it afterwards.",
        "hang": "Half of the pool hangs while twice the capacity is offered, and is back afterwards.",
        "slow transfers": "Clients that send or read a few bytes a second, beside half the capacity.",
    }
    for case, caption in captions.items():
        if any(each.case.name == case and each.intervals for each in report.results):
            yield f"Over time: {case}", over_time(report, case), caption
