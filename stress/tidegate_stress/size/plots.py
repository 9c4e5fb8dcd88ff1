"""The pictures of `tidegate size`, as SVG: what was finished with how many inside, and goodput against offered load."""

from collections.abc import Iterator
from typing import Final

from ..lab.plots import COLOURS, OURS_COLOUR, SOFT, THERE_COLOUR, figure_of, svg_of
from .case import SizeReport
from .curve import ADAPTIVE, LEVELS, WITH, WITHOUT

ARMS: Final = (
    (WITHOUT, THERE_COLOUR, "no wall"),
    (WITH, OURS_COLOUR, "the capacity"),
    (ADAPTIVE, COLOURS[1], "an adaptive limit within"),
)


def against_inside(report: SizeReport, *, standalone: bool = False) -> str:
    """Draw the rate and the time against how many were inside, and the knee."""
    figure, axes = figure_of(1, 2, 3.2)
    inside = [level.inside for level in report.levels]
    rates = [level.finished_per_s for level in report.levels]
    times = [level.took_s * 1e3 for level in report.levels]
    for axis, values, label in ((axes[0][0], rates, "finished a second"), (axes[0][1], times, "each took, ms")):
        axis.plot(inside, values, marker="o", markersize=4, linewidth=2.2, color=OURS_COLOUR)
        axis.set_xscale("log")
        axis.set_ylim(bottom=0)
        axis.set_ylabel(label)
        axis.set_xlabel("inside at once")
        if report.suggestion is not None:
            axis.axvline(report.suggestion.values[0].value, color=SOFT, linewidth=1, linestyle="--")
    return svg_of(figure, "size-inside", standalone)


def against_load(report: SizeReport, *, standalone: bool = False) -> str:
    """Draw what is finished in time against offered load, with and without."""
    figure, axes = figure_of(1, 1, 3.4)
    axis = axes[0][0]
    for arm, colour, label in ARMS:
        points = [(point.level, point.good_share) for point in report.curve if point.arm == arm]
        if points:
            axis.plot(*zip(*points, strict=True), marker="o", markersize=4, linewidth=2.2, color=colour, label=label)
    axis.set_xscale("log")
    axis.set_xticks(LEVELS, [f"{level:g}x" for level in LEVELS])
    axis.minorticks_off()
    axis.set_ylim(0, 1.15)
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axis.set_ylabel("finished in time, of what can be")
    axis.set_xlabel("offered load, of what can be finished")
    axis.legend(frameon=False)
    return svg_of(figure, "size-load", standalone)


def pictures(report: SizeReport) -> Iterator[tuple[str, str, str]]:
    """Give a title, a drawing and a caption for everything that the report has."""
    if report.levels:
        yield (
            "With how many inside",
            against_inside(report),
            "Dashed: the knee. Beyond it more inside finish no more, and each takes longer.",
        )
    if report.curve:
        yield "Against offered load, in the simulator", against_load(report), "With the suggested numbers, and with no wall at all."
