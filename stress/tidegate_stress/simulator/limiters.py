"""The limiters that are compared, each behind two names: `now`, and `sample`.

Three are models, in our own words, of what Netflix's concurrency-limits has (github.com/Netflix/concurrency-limits): `Gradient2Limit`
and `VegasLimit` behind its `WindowedLimit`, and `AIMDLimit`. Their constants are its defaults, but for the least, the greatest and
the first limit, which are those of the comparison.
"""

from dataclasses import dataclass, field
from math import ceil, inf, log10
from typing import Final, Protocol

from tidegate.policies.limit import AdaptiveLimit

SECOND_NS: Final = 1_000_000_000
LEAST_NS: Final = 100_000  # Netflix's windows pass over shorter times
LEAST_SAMPLES: Final = 10


class Limiter(Protocol):
    """Say how many may be inside now, and take note of what was finished."""

    @property
    def now(self) -> int: ...

    def sample(self, entered_ns: int, left_ns: int, in_progress: int, /) -> None:
        """Take note of one piece of work; in_progress counts itself."""
        ...


def ours(floor: int, capacity: int, first: int = 0) -> AdaptiveLimit:
    """Make the kernel's limit. first: where it begins, if not at the capacity."""
    limit = AdaptiveLimit(floor)
    limit.bind(capacity)
    if first:
        limit.now = first
    return limit


@dataclass(slots=True)
class Fixed:
    """A limit that stays as it is."""

    now: int

    def sample(self, entered_ns: int, left_ns: int, in_progress: int, /) -> None:
        """Learn nothing."""


@dataclass(slots=True)
class AIMD:
    """One more for each success that came while at least half of the limit was inside; a tenth less for each that took too long."""

    floor: int
    capacity: int
    now: int
    timeout_ns: float = 5 * SECOND_NS
    backoff: float = 0.9

    def sample(self, entered_ns: int, left_ns: int, in_progress: int, /) -> None:
        """Move by one piece of work."""
        if left_ns - entered_ns > self.timeout_ns:
            self.now = max(self.floor, min(self.now - 1, int(self.now * self.backoff)))
        elif 2 * in_progress >= self.now:
            self.now = min(self.capacity, self.now + 1)


@dataclass(slots=True)
class _Windows:
    """Add samples up for a second, and tell the mean and the most that were inside."""

    ends_ns: float = 0.0
    samples: int = 0
    total_ns: float = 0.0
    least_ns: float = inf
    most: int = 0

    def add(self, took_ns: int, left_ns: int, in_progress: int) -> tuple[float, int] | None:
        if took_ns < LEAST_NS:
            return None
        self.samples += 1
        self.total_ns += took_ns
        self.least_ns = min(self.least_ns, took_ns)
        self.most = max(self.most, in_progress)
        if left_ns <= self.ends_ns:
            return None
        whole = (self.total_ns / self.samples, self.most) if self.samples >= LEAST_SAMPLES else None
        self.ends_ns = left_ns + SECOND_NS
        self.samples, self.total_ns, self.least_ns, self.most = 0, 0.0, inf, 0
        return whole


@dataclass(slots=True)
class Gradient2:
    """The limit times the ratio of a long mean time to the last one, within a half and 1, and a queue of 4 more; a fifth of the way."""

    floor: int
    capacity: int
    estimate: float
    queue: int = 4
    smoothing: float = 0.2
    long_window: int = 600
    warm_up: int = 10
    long_ns: float = 0.0
    seen: int = 0
    total_ns: float = 0.0
    windows: _Windows = field(default_factory=_Windows)

    @property
    def now(self) -> int:
        return int(self.estimate)

    def sample(self, entered_ns: int, left_ns: int, in_progress: int, /) -> None:
        """Move by the mean of a window."""
        window = self.windows.add(left_ns - entered_ns, left_ns, in_progress)
        if window is not None:
            self.move(*window)

    def move(self, short_ns: float, most: int) -> None:
        """Move by a window's mean time."""
        if self.seen < self.warm_up:
            self.seen += 1
            self.total_ns += short_ns
            self.long_ns = self.total_ns / self.seen
        else:
            self.long_ns += (short_ns - self.long_ns) * 2 / (self.long_window + 1)
        long_ns = self.long_ns
        if long_ns > 2 * short_ns:
            self.long_ns *= 0.9
        if most < self.estimate / 2:
            return
        gradient = max(0.5, min(1.0, long_ns / short_ns))
        wanted = self.estimate * gradient + self.queue
        self.estimate = max(self.floor, min(self.capacity, self.estimate * (1 - self.smoothing) + wanted * self.smoothing))


@dataclass(slots=True)
class Vegas:
    """What is inside beyond limit times least time over time is a queue: kept between 3 and 6 times the logarithm of the limit."""

    floor: int
    capacity: int
    estimate: float
    least_ns: float = 0.0
    probe_after: int = 30
    count: int = 0
    windows: _Windows = field(default_factory=_Windows)

    @property
    def now(self) -> int:
        return int(self.estimate)

    def sample(self, entered_ns: int, left_ns: int, in_progress: int, /) -> None:
        """Move by the mean of a window."""
        window = self.windows.add(left_ns - entered_ns, left_ns, in_progress)
        if window is not None:
            self.move(*window)

    def move(self, took_ns: float, most: int) -> None:
        """Move by one time. Its chance of a half to one in when to probe is taken at its mean."""
        self.count += 1
        if 0.75 * self.probe_after * self.estimate <= self.count:
            self.count, self.least_ns = 0, took_ns
            return
        if self.least_ns == 0 or took_ns < self.least_ns:
            self.least_ns = took_ns
            return
        queue = ceil(self.estimate * (1 - self.least_ns / took_ns))
        if 2 * most < self.estimate:
            return
        step = max(1, int(log10(self.estimate)))
        if queue <= step:
            wanted = self.estimate + 6 * step
        elif queue < 3 * step:
            wanted = self.estimate + step
        elif queue > 6 * step:
            wanted = self.estimate - step
        else:
            return
        self.estimate = max(self.floor, min(self.capacity, wanted))
