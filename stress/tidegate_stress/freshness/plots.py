"""The picture of `tidegate freshness`, as SVG: goodput against service time, with and without patience."""

from typing import Final

from ..lab.plots import OURS_COLOUR, SOFT, THERE_COLOUR, figure_of, svg_of
from .case import FRESH, LIMIT_S, PATIENCE_S, PLAIN, SWEEP, Report

ARMS: Final = (
    (PLAIN, THERE_COLOUR, "without patience: the wall alone"),
    (FRESH, OURS_COLOUR, f"with a patience of {PATIENCE_S * 1e3:g} ms"),
)


def against_service(report: Report, *, standalone: bool = False) -> str:
    """Draw what was finished in time, of what could be, against the service time."""
    figure, axes = figure_of(1, 1, 3.6)
    axis = axes[0][0]
    for subject, colour, label in ARMS:
        best: dict[float, float] = {}
        for each in report.sweep:
            if each.subject == subject:
                service_ms = each.case.service_s(0) * 1e3
                best[service_ms] = max(each.share, best.get(service_ms, 0.0))
        points = sorted(best.items())
        if points:
            axis.plot(*zip(*points, strict=True), marker="o", markersize=5, linewidth=2.4, color=colour, label=label)
    axis.axvline((LIMIT_S - PATIENCE_S) * 1e3, color=SOFT, linewidth=1, linestyle="--")
    axis.set_ylim(0, 1.1)
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axis.set_ylabel("finished in time, of what could be")
    axis.set_xlabel(f"service time in ms; {SWEEP[0].capacity} slots, callers give up after {LIMIT_S * 1e3:g} ms")
    axis.legend(frameon=False, loc="center")
    return svg_of(figure, "freshness", standalone)
