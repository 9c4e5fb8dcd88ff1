"""The knee is found where it is known, and nothing is concluded from what does not show it."""

import math
import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_stress.size import knee as module
from tidegate_stress.size.knee import Calls, CannotTell, find_knee, others_at_begin, percentile, slots_of

from .conftest import logged, probed, served

TIMES = st.lists(st.tuples(st.floats(0, 50), st.floats(0, 20)), min_size=1, max_size=40)


def calls_of(pairs: list[tuple[float, float]]) -> Calls:
    """Give calls that began and took so long."""
    return Calls([begin for begin, _ in pairs], [begin + took for begin, took in pairs])


@pytest.mark.parametrize("workers", [1, 2, 8, 40])
def test_a_steady_service_has_the_knee_that_it_has(workers: int) -> None:
    found = find_knee(probed(workers), 0.1)
    assert found.inside == workers
    assert found.quiet_s == pytest.approx(0.02, rel=0.01)
    assert found.rate_per_s == pytest.approx(workers / 0.02, rel=0.05)


@pytest.mark.parametrize("workers", [2, 4, 16])
def test_a_log_of_a_service_whose_times_vary(workers: int) -> None:
    found = find_knee(logged(workers, 0.1, 1.3), 1.0)
    assert abs(found.exact - workers) <= max(0.6, 0.1 * workers)


def test_a_service_that_becomes_slower_beyond_its_knee() -> None:
    calls = probed(8)
    inside = others_at_begin(calls)
    slower = [end + 0.001 * max(0, others - 16) for end, others in zip(calls.ends_s, inside, strict=True)]
    assert abs(find_knee(Calls(calls.begins_s, slower), 0.1).inside - 8) <= 1


def test_without_a_limit_it_can_not_tell() -> None:
    calls = served([due / 1e9 for due in _poisson(300, 20)], 10_000, lambda: 0.02)
    with pytest.raises(CannotTell, match="never came to its limit"):
        find_knee(calls, 0.1)
    with pytest.raises(CannotTell, match="never came to its limit"):
        find_knee(logged(300, 0.1, 0.05, seconds=60.0), 1.0)


def test_without_the_look_at_the_limit_a_wrong_knee_would_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WIDE", 0.0)
    monkeypatch.setattr(module, "LEAST", 5)
    calls = logged(300, 0.1, 0.05, seconds=60.0)
    with pytest.raises(CannotTell):
        find_knee(calls, 1.0)

    def accept(*_shape: object) -> None:
        pass

    monkeypatch.setattr(module, "_demand_shape", accept)
    assert find_knee(calls, 1.0).inside != 300


def test_never_quiet_it_can_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = logged(8, 0.1, 1.6, quietest=0.97)
    with pytest.raises(CannotTell, match="never quiet"):
        find_knee(calls, 1.0)
    monkeypatch.setattr(module, "RISING", 9.0)
    monkeypatch.setattr(module, "SOFT", 99.0)
    assert find_knee(calls, 1.0).inside > 9, "what is planted here: it would take a queue for work"


def test_quiet_calls_that_are_not_like_busy_ones_it_can_not_tell() -> None:
    night = served([number / 10 for number in range(3000)], 8, lambda: 0.005)
    day = logged(8, 0.1, 1.3, seconds=250.0)
    calls = Calls([*night.begins_s, *(each + 400 for each in day.begins_s)], [*night.ends_s, *(each + 400 for each in day.ends_s)])
    with pytest.raises(CannotTell, match="busy times are not like quiet ones"):
        find_knee(calls, 1.0)


def test_too_few_calls_it_can_not_tell() -> None:
    for count in (1, 5, 30):
        with pytest.raises(CannotTell):
            find_knee(Calls([float(each) for each in range(count)], [each + 0.1 for each in range(count)]), 1.0)


@settings(deadline=None, max_examples=50)
@given(TIMES, st.sampled_from([0.1, 1.0, 7.0]))
def test_slots_hold_all_the_time_and_all_the_ends(pairs: list[tuple[float, float]], width_s: float) -> None:
    calls = calls_of(pairs)
    slots = slots_of(calls, width_s)
    total_s = sum(end - begin for begin, end in zip(calls.begins_s, calls.ends_s, strict=True))
    assert math.isclose(sum(slot.inside * slot.seconds for slot in slots), total_s, rel_tol=1e-6, abs_tol=1e-6)
    assert sum(slot.ended for slot in slots) == len(pairs)


@settings(deadline=None, max_examples=50)
@given(TIMES)
def test_others_are_those_who_came_before_and_had_not_gone(pairs: list[tuple[float, float]]) -> None:
    calls = calls_of(pairs)
    order = sorted(range(len(pairs)), key=calls.begins_s.__getitem__)
    for came, place in enumerate(order):
        begin = calls.begins_s[place]
        gone = sum(calls.ends_s[other] <= begin for other in range(len(pairs)))
        assert others_at_begin(calls)[place] == came - min(came, gone)


@settings(deadline=None, max_examples=50)
@given(TIMES)
def test_whatever_was_recorded_it_answers_or_can_not_tell(pairs: list[tuple[float, float]]) -> None:
    inside = 1
    with suppress(CannotTell):
        inside = find_knee(calls_of(pairs), 1.0).inside
    assert inside >= 1


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert [percentile([1.0, 2.0, 3.0, 4.0], percent) for percent in (1, 25, 26, 50, 99, 100)] == [1.0, 1.0, 2.0, 2.0, 4.0, 4.0]


def _poisson(rate: float, seconds: float) -> list[int]:
    chance, now, found = random.Random(7), 0.0, list[int]()
    while (now := now + chance.expovariate(rate)) < seconds:
        found.append(int(now * 1e9))
    return found
