"""Limiters that are in use, as small models in our own words: what ours is compared with, and where its eleven faults were seen.

Each has `now`, the limit, and `sample`, which takes note of one piece of work. Their constants are their defaults, but for the
least, the greatest and the first limit. They are as they were when the fault was reported, and say with which report.
"""

from dataclasses import dataclass, field
from math import ceil, inf, log10
from typing import Final, Protocol

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


@dataclass(slots=True)
class Fixed:
    """A limit that stays as it is."""

    now: int

    def sample(self, entered_ns: int, left_ns: int, in_progress: int, /) -> None:
        """Learn nothing."""


@dataclass(slots=True)
class AIMD:
    """Netflix `AIMDLimit`: one more for each success with half of the limit inside; a tenth less for each that took too long."""

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
class Windows:
    """Netflix `WindowedLimit`: add samples up for a second, and tell the mean and the most that were inside."""

    ends_ns: float = 0.0
    samples: int = 0
    total_ns: float = 0.0
    most: int = 0

    def add(self, took_ns: int, left_ns: int, in_progress: int) -> tuple[float, int] | None:
        """Take note of one; give a window that it ended."""
        if took_ns < LEAST_NS:
            return None
        self.samples += 1
        self.total_ns += took_ns
        self.most = max(self.most, in_progress)
        if left_ns <= self.ends_ns:
            return None
        whole = (self.total_ns / self.samples, self.most) if self.samples >= LEAST_SAMPLES else None
        self.ends_ns = left_ns + SECOND_NS
        self.samples, self.total_ns, self.most = 0, 0.0, 0
        return whole


@dataclass(slots=True)
class Gradient2:
    """Netflix `Gradient2Limit`, windowed: the limit times a long mean time over the last one, from a half to 1, and a queue of 4.

    It goes a fifth of the way. It does not grow while less than half of the limit is inside (platinummonkey/go-concurrency-limits
    #117), and under constant overload its long mean becomes what the overload makes of it (Netflix #165).
    """

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
    windows: Windows = field(default_factory=Windows)

    @property
    def now(self) -> int:
        """The limit."""
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
    """Netflix `VegasLimit`: what is inside beyond limit x least time / time is a queue, to be 3 to 6 times the limit's logarithm.

    The least time is that of a single sample, however lucky, until the next probe (Netflix #37). windows: None as it is by itself.
    """

    floor: int
    capacity: int
    estimate: float
    windows: Windows | None = field(default_factory=Windows)
    least_ns: float = 0.0
    probe_after: int = 30
    count: int = 0

    @property
    def now(self) -> int:
        """The limit."""
        return int(self.estimate)

    def sample(self, entered_ns: int, left_ns: int, in_progress: int, /) -> None:
        """Move by one time, or by the mean of a window."""
        took_ns = left_ns - entered_ns
        window = (took_ns, in_progress) if self.windows is None else self.windows.add(took_ns, left_ns, in_progress)
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


@dataclass(slots=True)
class Envoy:
    """Envoy's gradient controller: a least time measured every minute under a limit of its own, and a gradient to it in between.

    The limit of a measurement is the least limit, one knob (envoy #46532), and what it refuses is refused (#8337, #9007). A window
    without samples has a quantile that is no time (#14997: `empty_ns`). ticks: windows of 100 ms since the last measurement; as the
    next one is only asked for at the end of a tick, a tick that fails is the last (#8524). bounded: the least limit is kept in
    between, too (not before #9947).
    """

    floor: int
    capacity: int
    estimate: float
    bounded: bool = True
    every: int = 600
    needed: int = 50
    buffer: float = 0.25
    empty_ns: float = inf
    least_ns: float = 0.0
    measuring: list[int] | None = field(default_factory=list[int])
    window: list[int] = field(default_factory=list[int])
    ticks: int = 0
    armed: bool = True

    @property
    def now(self) -> int:
        """The limit."""
        return self.floor if self.measuring is not None else int(self.estimate)

    def sample(self, entered_ns: int, left_ns: int, in_progress: int, /) -> None:
        """Keep a time; end a measurement with the last that it needs."""
        if self.measuring is None:
            self.window.append(left_ns - entered_ns)
            return
        self.measuring.append(left_ns - entered_ns)
        if len(self.measuring) >= self.needed:
            self.least_ns = sorted(self.measuring)[len(self.measuring) // 2]
            self.measuring = None

    def tick(self, fails: bool = False) -> None:
        """End a window of 100 ms, if the timer was armed."""
        if not self.armed or self.measuring is not None:
            return
        self.armed = False
        times, self.window = sorted(self.window), []
        self.ticks += 1
        if fails:
            return
        self.armed = True
        if self.ticks % self.every == 0:
            self.measuring = []
            return
        took_ns = times[len(times) // 2] if times else self.empty_ns
        gradient = max(0.5, min(2.0, self.least_ns * (1 + self.buffer) / took_ns)) if took_ns else 2.0
        wanted = gradient * self.estimate + (gradient * self.estimate) ** 0.5 * (took_ns < inf)
        self.estimate = min(self.capacity, max(self.floor if self.bounded else 1, wanted))


@dataclass(slots=True)
class Correlating:
    """failsafe-go's adaptive limiter: lower where the time is longer and goes with how many are inside, as their last windows tell.

    Once all of these were at the same peak nothing goes with anything, and it stays there (before 0.9.6). It counts itself who is
    inside, and somebody who is cancelled stays counted (before 0.9.2).
    """

    floor: int
    capacity: int
    now: int
    inside: int = 0
    size: int = 30
    past: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    long_ns: float = 0.0

    def enter(self) -> bool:
        """Count somebody in."""
        if self.inside >= self.now:
            return False
        self.inside += 1
        return True

    def sample(self, entered_ns: int, left_ns: int, in_progress: int, /) -> None:
        """Move by one window, which is one time here, and count somebody out."""
        self.inside -= self.inside > 0
        took_ns = left_ns - entered_ns
        self.long_ns += (took_ns - self.long_ns) / 60 if self.long_ns else took_ns
        self.past = [*self.past[1 - self.size :], (in_progress, took_ns)]
        mean_n, mean_ns = (sum(each) / len(self.past) for each in zip(*self.past, strict=True))
        together = sum((n - mean_n) * (ns - mean_ns) for n, ns in self.past)
        if together > 0 and took_ns > self.long_ns:
            self.now = max(self.floor, self.now - 1)
        elif together >= 0 and 2 * in_progress >= self.now and took_ns <= self.long_ns * 1.1:
            self.now = min(self.capacity, self.now + 1)
