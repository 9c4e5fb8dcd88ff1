"""Eleven faults that known limiters had, each as a scenario: red on a model of the limiter that it was seen in, green on ours.

A scenario drives a limiter with samples of a service that has a knee, with no chance in it, and says what is wrong, or "".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from .known_limiters import SECOND_NS, Correlating, Envoy, Gradient2, Limiter, Vegas

FLOOR: Final = 4
CAPACITY: Final = 64
ALONE_NS: Final = 10_000_000
GOOD_WINDOWS: Final = 128  # 32 * log2(64 / 4), as the kernel's page says: K
WINDOW: Final = 4096  # samples that no window is longer than

Maker = Callable[[int, int], Any]  # a limiter, from its floor and the capacity


@dataclass(slots=True)
class Service:
    """Be a service that takes `ALONE_NS` for each of up to `knee` at once, and longer in proportion for more.

    refused: how many of the load could not be inside, counted at each piece of work.
    """

    limiter: Limiter
    knee: float
    at_ns: int = SECOND_NS
    refused: int = 0
    highest: int = 0
    lowest: int = CAPACITY
    next_tick_ns: int = 0

    def run(self, load: int, seconds: float) -> int:
        """Have up to `load` inside for so long. Gives the limit at the end."""
        until_ns = self.at_ns + int(seconds * SECOND_NS)
        tick: Callable[[], None] | None = getattr(self.limiter, "tick", None)
        while self.at_ns < until_ns:
            inside = max(1, min(load, self.limiter.now, CAPACITY))
            self.refused += load > inside
            took_ns = int(ALONE_NS * max(1.0, inside / self.knee))
            self.at_ns += took_ns // inside
            self.limiter.sample(self.at_ns - took_ns, self.at_ns, inside)
            self.highest, self.lowest = max(self.highest, self.limiter.now), min(self.lowest, self.limiter.now)
            if tick is not None and self.at_ns >= self.next_tick_ns:
                self.next_tick_ns = self.at_ns + SECOND_NS // 10
                tick()
        return self.limiter.now


# The scenarios. Each gives what is wrong, or "".


def stuck_low(make: Maker) -> str:
    """The load is gone; a light one of one at a time stays. The limit has to come back."""
    service = Service(make(FLOOR, CAPACITY), 8)
    service.run(CAPACITY, 20)
    low = service.run(CAPACITY, 20)
    limit = service.run(1, GOOD_WINDOWS * WINDOW * ALONE_NS / SECOND_NS)
    return "" if limit == CAPACITY else f"the load is gone for {GOOD_WINDOWS} windows, and the limit is {limit} (it was {low})"


def lucky_sample(make: Maker) -> str:
    """One sample takes a hundredth of the time. The limit has to be what it is without it."""
    service = Service(make(FLOOR, CAPACITY), CAPACITY)
    service.run(CAPACITY, 10)
    service.limiter.sample(service.at_ns - ALONE_NS // 100, service.at_ns, CAPACITY)
    service.lowest = CAPACITY
    limit = service.run(CAPACITY, 0.3)
    return "" if service.lowest >= CAPACITY * 3 // 4 else f"after one lucky sample the limit falls to {service.lowest}, is {limit}"


def drifting_up(make: Maker) -> str:
    """Constant overload for twenty minutes. The limit must not go up with what the overload itself makes of the times."""
    service = Service(make(FLOOR, CAPACITY), 8)
    limiter: Any = service.limiter
    limiter.now = 8  # where it belongs
    service.run(CAPACITY, 30)
    service.highest = 0
    limit = service.run(CAPACITY, 1_200)
    fine = service.highest <= 16
    return "" if fine else f"twenty minutes of overload, a knee of 8, and the limit went to {service.highest}, is {limit}"


def empty_window(make: Maker) -> str:
    """Nothing is finished for a minute. That is no time of any length."""
    service = Service(make(FLOOR, CAPACITY), CAPACITY)
    before = service.run(CAPACITY, 5)
    for _ in range(600):
        service.at_ns += SECOND_NS // 10
        getattr(service.limiter, "tick", lambda: service.limiter.now)()
    limit = service.limiter.now
    return "" if limit >= before else f"a minute without a sample, and the limit fell from {before} to {limit}"


class Bad(int):
    """Be a clock reading with which one subtraction fails, as if an exception from outside arrived just there."""

    def __new__(cls, at_ns: int, good: int) -> Self:
        """Fail after so many good subtractions."""
        made = super().__new__(cls, at_ns)
        made.good = [good]
        return made

    good: list[int]

    def __sub__(self, other: Any) -> int:
        self.good[0] -= 1
        if self.good[0] < 0:
            raise KeyboardInterrupt
        return int(self) - int(other)


def never_again(make: Maker) -> str:
    """A window's end is interrupted by an exception. The next ones have to come all the same."""
    service = Service(make(FLOOR, CAPACITY), CAPACITY)
    service.run(CAPACITY, 1)
    for good in (0, 1):
        for _ in range(40):  # somewhere in here is the end of a window, or a look for one
            try:
                service.limiter.sample(service.at_ns - ALONE_NS, Bad(service.at_ns, good), CAPACITY)
            except KeyboardInterrupt:
                continue
    if isinstance(service.limiter, Envoy):
        service.limiter.tick(fails=True)
    service.knee = 8
    limit = service.run(CAPACITY, 40)
    return "" if limit <= 16 else f"after an interrupted window the limit never moved again: {limit}, with a knee of 8"


def below_floor(make: Maker) -> str:
    """A very slow minute. The limit may fall to its floor, and not below."""
    floor = 16
    service = Service(make(floor, CAPACITY), CAPACITY)
    service.run(CAPACITY, 5)
    service.knee = 1
    service.run(CAPACITY, 60)
    return "" if service.lowest >= floor else f"a floor of {floor}, and the limit fell to {service.lowest}"


def one_knob(make: Maker) -> str:
    """The floor is only where the limit may not fall below: nothing may go down to it just to measure."""
    service = Service(make(2, CAPACITY), 32)
    service.run(CAPACITY, 10)
    service.lowest = CAPACITY
    service.run(CAPACITY, 200)
    return "" if service.lowest >= 16 else f"a knee of 32, a floor of 2, and to measure the limit went down to {service.lowest}"


def refusing_probe(make: Maker) -> str:
    """A load that the service does well with, below the limit, for ten minutes. Nobody may be refused for a measurement."""
    service = Service(make(FLOOR, CAPACITY), CAPACITY)
    service.run(12, 600)
    return "" if not service.refused else f"a load of 12, a knee of {CAPACITY}, and {service.refused:,} were refused"


def slow_start(make: Maker) -> str:
    """The first callers come all at once, as many as there are slots."""
    limiter = make(FLOOR, CAPACITY)
    return "" if limiter.now == CAPACITY else f"{CAPACITY} slots, all of them free, and the first limit is {limiter.now}"


def kept_on_cancel(make: Maker) -> str:
    """Callers that were let in are cancelled: they are no sample, and must not hold their place."""
    limiter = make(FLOOR, CAPACITY)
    enter: Callable[[], bool] = getattr(limiter, "enter", lambda: True)
    entered = sum(enter() for _ in range(10 * CAPACITY))
    in_the_end = enter() and limiter.now == CAPACITY
    return "" if in_the_end else f"{entered} callers were let in and cancelled, and after them nobody is let in"


def stuck_at_peak(make: Maker) -> str:
    """The service does well with 64 at once, then only with 8. The limit has to come down."""
    service = Service(make(FLOOR, CAPACITY), CAPACITY)
    service.run(CAPACITY, 30)
    service.knee = 8
    limit = service.run(CAPACITY, 120)
    return "" if limit <= 16 else f"a knee of 8 for two minutes, and the limit is {limit}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Name a fault: where it was reported, the model that has it, the clauses that it breaks."""

    scenario: Callable[[Maker], str]
    reported: str
    model: Maker
    clauses: tuple[str, ...]


def _gradient2(floor: int, capacity: int) -> Any:
    return Settable(Gradient2(floor, capacity, capacity))


class Settable:
    """Let the limit of a model be set, as ours can be."""

    def __init__(self, limiter: Any) -> None:
        self.limiter = limiter

    @property
    def now(self) -> int:
        """The limit."""
        found: int = self.limiter.now
        return found

    @now.setter
    def now(self, limit: int) -> None:
        self.limiter.estimate = limit

    def sample(self, entered_ns: int, left_ns: int, in_progress: int, /) -> None:
        """Pass it on."""
        self.limiter.sample(entered_ns, left_ns, in_progress)


FAULTS: Final[Sequence[Fault]] = (
    Fault(
        stuck_low,
        "platinummonkey/go-concurrency-limits #117, envoyproxy/envoy #38338",
        lambda floor, capacity: Gradient2(floor, capacity, capacity // 4),
        ("LIMIT-5",),
    ),
    Fault(
        lucky_sample,
        "Netflix/concurrency-limits #37",
        lambda floor, capacity: Vegas(floor, capacity, capacity, windows=None),
        ("LIMIT-4",),
    ),
    Fault(drifting_up, "Netflix/concurrency-limits #165, envoyproxy/envoy #11579", _gradient2, ("LIMIT-4",)),
    Fault(
        empty_window,
        "envoyproxy/envoy #14997",
        lambda floor, capacity: Envoy(floor, capacity, capacity),
        ("LIMIT-1", "LIMIT-5"),
    ),
    Fault(
        never_again,
        "envoyproxy/envoy #8524",
        lambda floor, capacity: Envoy(floor, capacity, capacity, measuring=None, least_ns=ALONE_NS),
        ("LIMIT-5",),
    ),
    Fault(
        below_floor,
        "envoyproxy/envoy #9947",
        lambda floor, capacity: Envoy(floor, capacity, capacity, bounded=False),
        ("LIMIT-1",),
    ),
    Fault(one_knob, "envoyproxy/envoy #46532", lambda floor, capacity: Envoy(floor, capacity, capacity), ("LIMIT-5",)),
    Fault(
        refusing_probe,
        "envoyproxy/envoy #8337, #9007",
        lambda floor, capacity: Envoy(floor, capacity, capacity),
        ("LIMIT-5",),
    ),
    Fault(
        slow_start,
        "Netflix/concurrency-limits #35",
        lambda floor, capacity: Vegas(floor, capacity, 20),
        ("LIMIT-5",),
    ),
    Fault(
        kept_on_cancel,
        "failsafe-go before 0.9.2",
        lambda floor, capacity: Correlating(floor, capacity, capacity),
        ("LIMIT-3",),
    ),
    Fault(
        stuck_at_peak,
        "failsafe-go before 0.9.6",
        lambda floor, capacity: Correlating(floor, capacity, capacity),
        ("LIMIT-4",),
    ),
)
