"""The nine links are told from figures, and each can be broken and can hold."""

from dataclasses import replace

import pytest

from tidegate_stress.lab.case import Interval, Result
from tidegate_stress.lab.cases import case_named
from tidegate_stress.lab.collapse import LINKS, compare, follow

CALM = Interval(0.0, "load", 400.0, 400.0, 0.0, 400.0, 400.0, 0.0, 0.0, 1, 0.1, 0.2, 2.0, 0, 0, 0, 0)
FIGURES = {"provisioned_per_s": 500.0}


def run(
    spike: dict[str, float], gone: dict[str, float], depth: tuple[int, int], sojourn_ms: tuple[float, float], grew: float
) -> Result:
    """Make a run of 20 s whose spike lasts from 4 to 9 s."""
    intervals: list[Interval] = []
    for step in range(1, 41):
        t_s = step / 2
        interval = replace(CALM, t_s=t_s)
        if 4 < t_s <= 9:
            share = (t_s - 4) / 5
            interval = replace(
                interval,
                depth=round(depth[0] + share * (depth[1] - depth[0])),
                sojourn_ms=sojourn_ms[0] + share * (sojourn_ms[1] - sojourn_ms[0]),
                **spike,  # type: ignore[arg-type]
            )
        elif t_s > 9:
            interval = replace(interval, **gone)  # type: ignore[arg-type]
        intervals.append(interval)
    figures = {**FIGURES, "rss_peak_bytes": grew, "retry_burst_per_s": 20_000.0}
    return Result(replace(case_named("collapse"), seconds=20.0), "whole", "", figures, {}, tuple(intervals))


DOWN = run(
    {"offered_per_s": 5000.0, "accepted_per_s": 5000.0, "finished_per_s": 500.0, "good_per_s": 0.0, "late_per_s": 500.0},
    {"finished_per_s": 500.0, "good_per_s": 0.0, "late_per_s": 500.0, "retried_per_s": 1200.0},
    (0, 30_000),
    (100.0, 9000.0),
    1e8,
)
UP = run(
    {"offered_per_s": 5000.0, "accepted_per_s": 500.0, "rejected_per_s": 4500.0, "finished_per_s": 500.0, "good_per_s": 500.0},
    {"finished_per_s": 400.0, "good_per_s": 400.0},
    (64, 64),
    (128.0, 128.0),
    1e5,
)


def test_all_links_hold_in_a_collapse_and_none_without() -> None:
    assert [step.happened for step in follow(DOWN)] == [True] * 9
    assert [step.happened for step in follow(UP)] == [False] * 9


@pytest.mark.parametrize("place", range(9))
def test_a_link_is_told_with_its_figures(place: int) -> None:
    link = compare(DOWN, UP).links[place]
    assert (link.number, link.name) == (place + 1, LINKS[place][0])
    assert link.happened_there
    assert not link.happened_here
    assert any(character.isdigit() for character in link.there + link.here)


def test_a_run_that_told_nothing_of_its_rate_is_judged_by_its_calm_part() -> None:
    steps = follow(replace(DOWN, figures={"rss_peak_bytes": 1e8}))
    assert steps[0].happened
    assert steps[8].happened
