"""What the middlewares tell refused clients where `Retry-After` is worked out (WEB-3)."""

import random
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from tidegate import Lease
from tidegate.adapters import asgi, wsgi
from tidegate.adapters.asgi import RetryAfter
from tidegate.adapters.bulkhead import Bulkhead
from tidegate_specs.adapters.check_retry import tell_asgi, tell_wsgi

Tell = Callable[[Any, str], str]
each = pytest.mark.parametrize(("module", "tell"), [(asgi, tell_asgi), (wsgi, tell_wsgi)], ids=["asgi", "wsgi"])


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def full(capacity: int) -> tuple[Bulkhead, list[Lease[None]]]:
    bulkhead = Bulkhead(capacity)
    return bulkhead, [cast("Lease[None]", bulkhead.enter()) for _ in range(capacity)]


def pass_through(bulkhead: Bulkhead, leases: list[Lease[None]], number: int) -> None:
    """Have so many requests end, and as many begin."""
    for _ in range(number):
        leases.pop().release()
        leases.append(cast("Lease[None]", bulkhead.enter()))


@each
def test_it_is_the_depth_over_the_drain_rate(module: Any, tell: Tell) -> None:
    bulkhead, leases = full(8)
    clock = Clock()
    app = module.AdmissionMiddleware(int, bulkhead, retry_after_s=RetryAfter(clock=clock, chance=random.Random(1).random))
    assert {tell(app, "/") for _ in range(50)} == {"1", "2"}  # nothing is known yet
    clock.now += 1
    pass_through(bulkhead, leases, 2)
    assert {int(tell(app, "/")) for _ in range(100)} == set(range(4, 9))
    clock.now += 2
    pass_through(bulkhead, leases, 16)
    assert {int(tell(app, "/")) for _ in range(50)} == {1, 2}


@each
def test_it_is_capped_and_still_spread(module: Any, tell: Tell) -> None:
    bulkhead, _leases = full(2)
    clock = Clock()
    app = module.AdmissionMiddleware(int, bulkhead, retry_after_s=RetryAfter(10, clock=clock, chance=random.Random(2).random))
    tell(app, "/")
    clock.now += 1.5  # and nothing ended
    assert {int(tell(app, "/")) for _ in range(100)} == set(range(5, 11))


@each
@pytest.mark.parametrize("passed_s", [2.5, 3600.0, -1.0, -1e9, float("nan"), float("inf")])
def test_what_a_pause_or_a_clock_that_jumps_tells_is_nothing(module: Any, tell: Tell, passed_s: float) -> None:
    bulkhead, _leases = full(2)
    clock = Clock()
    app = module.AdmissionMiddleware(int, bulkhead, retry_after_s=RetryAfter(clock=clock, chance=random.Random(3).random))
    tell(app, "/")
    clock.now += passed_s
    assert {int(tell(app, "/")) for _ in range(50)} == {1, 2}


@each
def test_the_same_seeds_tell_the_same(module: Any, tell: Tell) -> None:
    told: list[list[str]] = []
    for _ in range(2):
        bulkhead, _leases = full(1)
        app = module.AdmissionMiddleware(int, bulkhead, retry_after_s=RetryAfter(clock=Clock(), chance=random.Random(4).random))
        told.append([tell(app, "/") for _ in range(20)])
    assert told[0] == told[1]


@each
def test_by_default_it_draws_from_the_systems_chance_and_leaves_the_hosts_alone(module: Any, tell: Tell) -> None:
    bulkhead, _leases = full(1)
    app = module.AdmissionMiddleware(int, bulkhead, retry_after_s=RetryAfter())
    before = random.getstate()
    assert {tell(app, "/") for _ in range(64)} == {"1", "2"}
    assert random.getstate() == before


@each
def test_many_threads_are_told_at_once(module: Any, tell: Tell) -> None:
    bulkhead, _leases = full(1)
    app = module.AdmissionMiddleware(int, bulkhead, retry_after_s=RetryAfter())
    told: list[str] = []
    threads = [threading.Thread(target=lambda: told.extend(tell(app, "/") for _ in range(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 200
    assert set(told) <= {"1", "2"}


@pytest.mark.parametrize(("longest_s", "error"), [(1, ValueError), (0, ValueError), (True, TypeError), (2.5, TypeError)])
def test_a_bad_longest_time_is_refused(longest_s: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="longest_s"):
        RetryAfter(longest_s)
