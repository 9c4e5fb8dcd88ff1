"""The adaptive limit by example: where it begins, what moves it, and what does not."""

import threading
from math import inf, nan
from typing import Any

import pytest

from tidegate.policies import limit as rule
from tidegate.policies.limit import AdaptiveLimit

MS = 1_000_000
SECOND = 1000 * MS


def bound(floor: int = 4, capacity: int = 64) -> AdaptiveLimit:
    limit = AdaptiveLimit(floor)
    limit.bind(capacity)
    return limit


def overload(limit: AdaptiveLimit, knee: int, seconds: int, at_ns: int = SECOND) -> int:
    """Keep as many inside as may be, of work that takes 10 ms for each of up to `knee`. Gives the time at the end."""
    until_ns = at_ns + seconds * SECOND
    while at_ns < until_ns:
        inside = limit.now
        took_ns = 10 * MS * max(inside, knee) // knee
        at_ns += took_ns // inside
        limit.sample(at_ns - took_ns, at_ns, inside)
    return at_ns


def test_it_begins_at_the_capacity() -> None:
    limit = AdaptiveLimit(floor=4)
    assert (limit.now, limit.floor) == (4, 4)
    limit.bind(64)
    assert limit.now == 64
    assert repr(limit) == "<tidegate.AdaptiveLimit 64 of 4 to 64>"


@pytest.mark.parametrize(
    ("floor", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError), (2.0, TypeError), ("2", TypeError)]
)
def test_a_bad_floor(floor: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="floor must be"):
        AdaptiveLimit(floor)


@pytest.mark.parametrize(("capacity", "error"), [(3, ValueError), (True, TypeError), (8.0, TypeError), (None, TypeError)])
def test_a_bad_capacity(capacity: Any, error: type[Exception]) -> None:
    limit = AdaptiveLimit(4)
    with pytest.raises(error, match="capacity must be"):
        limit.bind(capacity)
    limit.bind(4)
    assert limit.now == 4


def test_it_is_bound_once() -> None:
    limit = bound()
    with pytest.raises(ValueError, match="another bulkhead"):
        limit.bind(64)


@pytest.mark.parametrize("knee", [6, 8, 16, 32, 48])
def test_it_finds_the_knee_and_stays(knee: int) -> None:
    limit = bound()
    at_ns = overload(limit, knee, 30)
    for _ in range(10):
        at_ns = overload(limit, knee, 10, at_ns)
        assert 0.7 * knee <= limit.now <= 1.3 * knee


def test_it_follows_a_knee_that_moves() -> None:
    limit = bound()
    at_ns = overload(limit, 8, 30)
    assert limit.now <= 10
    at_ns = overload(limit, 32, 60, at_ns)
    assert 24 <= limit.now <= 42
    overload(limit, 8, 60, at_ns)
    assert limit.now <= 10


def test_a_load_below_it_raises_it() -> None:
    limit = bound()
    at_ns = overload(limit, 8, 30)
    for _ in range(40 * 256):
        at_ns += 10 * MS
        limit.sample(at_ns - 10 * MS, at_ns, 1)
    assert limit.now == 64


def test_without_samples_it_ends() -> None:
    limit = bound()
    at_ns = overload(limit, 8, 30)
    low = limit.now
    assert limit.at(at_ns + SECOND) == low
    assert limit.at(at_ns + 3600 * SECOND) == 64
    assert limit.now == 64


@pytest.mark.parametrize("now_ns", [-(10**18), nan, inf, -inf])
def test_a_clock_that_is_wrong_ends_it(now_ns: float) -> None:
    limit = bound()
    overload(limit, 8, 30)
    assert limit.at(now_ns) == 64


@pytest.mark.parametrize("took", [0, -1, nan, inf, -inf, 3600 * SECOND, 2**90, 0.5])
@pytest.mark.parametrize("inside", [0, 1, 64, -5, 10**9])
def test_any_sample_leaves_it_in_its_bounds(took: float, inside: int) -> None:
    limit = bound(4, 64)
    for number in range(20_000):
        limit.sample(0, took if number % 2 else 10 * MS, inside)
        assert 4 <= limit.now <= 64


def test_one_lucky_sample_moves_nothing() -> None:
    limit, other = bound(), bound()
    at_ns = overload(limit, 16, 10)
    overload(other, 16, 10)
    limit.sample(at_ns - 1, at_ns, limit.now)
    other.sample(at_ns - 10 * MS, at_ns, other.now)
    overload(limit, 16, 10, at_ns)
    overload(other, 16, 10, at_ns)
    assert limit.now == other.now


def test_the_same_samples_give_the_same_limits() -> None:
    def limits() -> list[int]:
        limit, at_ns, found = bound(), SECOND, list[int]()
        for number in range(50_000):
            at_ns += 100_003
            took_ns = 10 * MS * max(limit.now, 12) // 12 + number * 7_919 % 3_000_017
            limit.sample(at_ns - took_ns, at_ns, limit.now)
            found.append(limit.now)
        return found

    assert limits() == limits()
    assert len(set(limits())) > 3


def test_where_samples_are_more_than_enough_every_eighth_counts() -> None:
    limit, at_ns = bound(), SECOND
    for _ in range(100_000):
        at_ns += 2_000
        limit.sample(at_ns - 10 * MS, at_ns, 64)
    assert limit._skip
    for _ in range(100_000):
        at_ns += MS
        limit.sample(at_ns - 10 * MS, at_ns, 64)
    assert not limit._skip


def test_floor_and_capacity_may_be_one() -> None:
    limit = bound(4, 4)
    overload(limit, 2, 10)
    assert limit.now == 4


@pytest.mark.timeout(60)
def test_many_threads_may_bring_samples() -> None:
    limit = bound()
    outside: list[int] = []

    def bring(seed: int) -> None:
        at_ns = SECOND * seed
        for number in range(20_000):
            at_ns += MS
            limit.sample(at_ns - (number * 7_919 % 40) * MS, at_ns, limit.now)
            if not 4 <= limit.now <= 64:
                outside.append(limit.now)

    threads = [threading.Thread(target=bring, args=(seed,)) for seed in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outside == []
    at_ns = 10**15
    for _ in range(40 * 256):
        at_ns += 10 * MS
        limit.sample(at_ns - 10 * MS, at_ns, 1)
    assert limit.now == 64


@pytest.mark.parametrize(
    ("pair", "full", "flat"),
    [
        ((8, 100, 16, 200), True, False),  # twice as many, twice as long
        ((8, 100, 16, 100), False, True),
        ((8, 100, 16, 140), False, False),
        ((12, 100, 16, 109), False, True),
        ((12, 100, 16, 120), True, False),
        ((8, 0, 16, 0), True, True),  # nothing was measured: told to be flat first
        ((8, 200, 16, 100), False, True),
    ],
)
def test_what_a_pair_shows(pair: tuple[int, int, int, int], full: bool, flat: bool) -> None:
    assert (rule.is_full(*pair), rule.is_flat(*pair)) == (full, flat)


def test_no_class_derives_from_it() -> None:
    with pytest.raises(TypeError, match="final"):
        type("Mine", (AdaptiveLimit,), {})
