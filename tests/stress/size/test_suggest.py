"""What is suggested is what the page "How large?" says, with a reason for each number."""

import re
from pathlib import Path

import pytest

from tidegate_stress.size.curve import WITH, WITHOUT, curve, service_of
from tidegate_stress.size.knee import CannotTell, Knee
from tidegate_stress.size.suggest import capacity_of, suggest

PAGE = (Path(__file__).parents[3] / "kernel" / "docs" / "sizing.md").read_text("utf-8")


def knee_of(inside: int, service_s: float, longest_s: float | None = None) -> Knee:
    """Give what is known of a service."""
    times = (*[service_s] * 97, *[longest_s or service_s] * 3)
    return Knee(inside, float(inside), inside / service_s, service_s, (), times)


def test_the_capacity_is_that_of_the_page() -> None:
    table = re.search(r"<!-- table: sizing .*?-->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert table is not None
    for line in table[1].splitlines()[2:]:
        cells = [cell.strip().removesuffix(" ms").replace(",", "") for cell in line.strip("|").split("|")]
        workers, service_ms, patience_ms, capacity = map(int, cells[1:5])
        assert capacity_of(workers, patience_ms / 1e3, service_ms / 1e3) == capacity


def test_every_number_has_its_reason() -> None:
    found = suggest(knee_of(8, 0.02, 0.05), 1.0)
    assert (found.workers, found.capacity, found.patience_s, found.floor) == (8, 152, 0.95, 2)
    assert {value.name for value in found.values} == {"knee", "workers", "patience_s", "capacity", "floor"}
    assert all(len(value.reason) > 20 for value in found.values)
    assert 1 <= found.floor <= found.workers <= found.capacity


def test_one_worker_has_a_floor_of_one_and_processes_share() -> None:
    assert suggest(knee_of(1, 0.02), 1.0).floor == 1
    shared = suggest(knee_of(20, 0.1), 0.5, processes=4)
    assert (shared.workers, shared.capacity) == (5, 20)


def test_callers_who_wait_for_too_short_can_not_be_helped() -> None:
    with pytest.raises(CannotTell, match="callers give up after 40 ms"):
        suggest(knee_of(8, 0.02, 0.05), 0.04)


def test_in_the_simulator_the_capacity_holds_and_no_wall_does_not() -> None:
    knee = knee_of(4, 0.05)
    points = curve(knee, suggest(knee, 0.5))
    share = {(point.arm, point.level): point.good_share for point in points}
    assert share[WITH, 10.0] > 0.8
    assert share[WITHOUT, 10.0] < 0.2
    assert share[WITH, 0.5] == pytest.approx(0.5, abs=0.1)
    assert service_of(knee) == "constant"
    assert service_of(knee_of(4, 0.05, 0.5)) == "exponential"
    assert curve(knee, suggest(knee, 0.5)) == points
