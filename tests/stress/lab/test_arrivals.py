"""Schedules are made beforehand, are the same for the same seed, and have the rate that their case says."""

import itertools
from dataclasses import replace

import pytest

from tidegate_stress.lab.arrivals import due_times, load_of, offers_of, spike_of
from tidegate_stress.lab.case import ARRIVALS, Arrivals, Case

CASE = Case("case", "tidegate", seconds=4.0, level=3.0)
RATE = 200.0


def all_dues(case: Case, producers: int = 3) -> list[int]:
    return sorted(due for producer in range(producers) for due in due_times(case, RATE, producer, producers))


@pytest.mark.parametrize("arrivals", ARRIVALS)
def test_schedules_are_ordered_repeatable_and_within_the_load(arrivals: Arrivals) -> None:
    case = replace(CASE, arrivals=arrivals)
    dues = list(due_times(case, RATE, 1, 3))
    assert dues == sorted(dues) == list(due_times(case, RATE, 1, 3))
    assert all(0 <= due <= sum(stretch.seconds for stretch in load_of(case)) * 1e9 for due in dues)
    assert dues != list(due_times(replace(case, seed=7), RATE, 1, 3))


@pytest.mark.parametrize("arrivals", ["constant", "burst", "ramp"])
def test_the_mean_level_is_the_case_s(arrivals: Arrivals) -> None:
    case = replace(CASE, arrivals=arrivals)
    assert len(all_dues(case)) == pytest.approx(RATE * 3.0 * 4.0, rel=0.01)
    assert offers_of(case, RATE) == pytest.approx(RATE * 3.0 * 4.0, rel=0.01)


def test_poisson_arrivals_are_exponential() -> None:
    dues = all_dues(replace(CASE, arrivals="poisson", seconds=40.0))
    gaps = [after - before for before, after in itertools.pairwise(dues)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(1e9 / (RATE * 3), rel=0.05)
    assert deviation == pytest.approx(mean, rel=0.1), "an exponential's deviation is its mean; evenly spaced ones have none"


def test_constant_arrivals_are_evenly_spaced_for_each_producer() -> None:
    dues = list(due_times(CASE, RATE, 0, 3))
    gaps = {after - before for before, after in itertools.pairwise(dues)}
    assert max(gaps) - min(gaps) <= 2


def test_pairs_take_turns() -> None:
    even, odd = (all_dues(replace(CASE, arrivals=arrivals)) for arrivals in ("even slices", "odd slices"))
    assert {due // 10**9 for due in even} == {0, 2}
    assert {due // 10**9 for due in odd} == {1, 3}
    assert len(even) == len(odd)


def test_a_spike_and_a_collapse_go_back_to_calm() -> None:
    assert [stretch.level for stretch in load_of(replace(CASE, arrivals="spike"))] == [0.8, 3.0, 0.8]
    case = replace(CASE, arrivals="collapse", seconds=20.0)
    start_s, end_s = spike_of(case)
    stretches = load_of(case)
    assert stretches[0].level == stretches[-1].level == 0.8
    assert stretches[1].level * stretches[1].seconds == pytest.approx(3.0), "a crowd brings a second's worth at once"
    assert sum(stretch.seconds for stretch in stretches) == pytest.approx(20.0)
    assert start_s == stretches[0].seconds
    assert end_s == pytest.approx(20.0 - stretches[-1].seconds)
