# SPDX-License-Identifier: MIT
"""Which limit: how many may be inside at once, found by what the work itself shows. It is never above the capacity.

    from tidegate.adapters.bulkhead import Bulkhead
    from tidegate.policies.admission import Admission
    from tidegate.policies.limit import AdaptiveLimit

    admission = Admission(Bulkhead(64), limit=AdaptiveLimit(floor=4))

Up to some number at once, more work inside is finished sooner; beyond it each piece of work only takes longer. That number is the
knee. A limit above it makes callers wait for each other inside, one below it refuses what could be done.

The rule
    Samples are taken in windows. A window is *pressed* if on average at least 7/8 of the limit were inside: then, and only then,
    the limit itself decided how many were. The time of a window is the mean of the middle half of its samples.

    Two pressed windows next to each other, under two limits, are compared. Of what the larger limit is above the smaller one, in
    proportion, its time was longer by a share: *full* if that is at least 7/16 (work only waited), *flat* if it is below 9/32 (work
    was done), and between them the larger limit is near the knee.

    Search. The first pressed window is followed by one under half of the limit. As long as pairs are full the limit is halved on,
    as long as they are flat it is doubled on. At the first pair that is neither, or the other way round, the knee is between the
    two: the limit is set an eighth above it.

    Rest and check. Then the limit rests, and every now and then (16 to 24 times as long) one window is under 3/4 of it. Flat: it
    goes up by a 16th; flat again: by an eighth, a quarter, a half, by itself, and rests are shorter. Full: it goes down by a
    32nd, an eighth, a quarter, a half; the first step is small, as one pair may err. Neither: it stays.

    After a window that was not pressed the limit goes up by an eighth.

Why this rule
    It has no baseline. What is compared is two windows next to each other, so there is nothing that one lucky sample could poison
    or that could drift up under constant overload (LIMIT-4): a time is forgotten with the pair that it was in. Service times that
    change by themselves are seen in one pair at most. A window that is empty, or whose load did not reach the limit, tells nothing
    against the limit, so that the limit goes back up (LIMIT-5). A check refuses a quarter at most for one window, and only of a
    load that reaches the limit. All arithmetic is on whole numbers.

How long until it is back at the capacity
    A window is *good* if it was not pressed, or rested, or its pair was flat. No good window lowers what the limit rests at, and
    any two in a row raise it by a 16th at least, and by one, or it is at the capacity. So from the floor it takes at most

        K = 32 * ceil(log2(capacity / floor)) good windows: 128 from 4 to 64. If none is pressed it takes 25, in a search 5.

    Without a load there are no windows; then a limit counts for 10 s after its last window (or 16 times as long as that window
    took) and no longer: `at` (POLICY-5).

How it works
    A sample is a number in a ring, at a place that a counter gives: one step in C, so that each has a place of its own and no lock
    is needed. Every 16th one looks whether the window is complete: so many samples, and 50 ms, as less would tell of the
    interpreter's own pauses. Where 50 ms bring eight times as many as it takes, every eighth counts. Nothing has to be armed
    again: a look that is interrupted is made up for by a later one. After a move as many samples are passed over as may be inside,
    as they began under another limit. What the rule remembers is one tuple, and the limit is stored last, in one step, by whoever
    looks; it is always between floor and capacity (LIMIT-1). Nothing here holds, frees or counts a slot (LIMIT-2).

Prior art
    Vegas (L. Brakmo, L. Peterson, 1994) and BBR (N. Cardwell and others, 2016): a path holds as much as its rate times its time.
    Netflix's concurrency-limits, Envoy's adaptive concurrency, failsafe-go, Uber's Cinnamon: limits by the ratio of a time to a
    baseline. Perturb and observe, by which solar cells find their point of most power. H.-U. Heiss, R. Wagner, "Adaptive load
    control in transaction processing systems" (1991): a limit that climbs a hill.

Considered and rejected
    A baseline, as the least or the mean time of a longer past (Vegas, Gradient2, Envoy, Cinnamon): wrong as soon as the work
    changes, and to measure it anew its limit must fall for a while, which refuses what could be done. A limit on time alone
    (AIMD): which time is too long is a number nobody knows. Rates instead of times: in a window they are the same by Little's law
    but scatter more. The mean of all times: with a heavy tail it is that of the few longest. A slow start: it refuses the first
    callers, so the first limit is the capacity. Chance to break ties: no two runs would be alike (LIMIT-6).

Limits
    Work that hangs tells nothing: a limit that no window confirms is given up after the time above, and the wall counts alone.
    Work that waits for other work inside (a lock) looks like contention, and it is. In a child after a fork the limit is the
    parent's at first. Below 50 samples a second a window takes seconds.
"""

from itertools import count
from typing import Any, Final, final

from .._types import sealed

__all__ = ["AdaptiveLimit"]

Nanoseconds = int | float  # at run time an int is no float
Memory = tuple[int, int, int, int, Nanoseconds]  # what is done, for how many units, the row, and the other limit and its time

RESTING: Final = 0
SEARCHING: Final = 1
CHECKING: Final = 2
COLD: Final[Memory] = (RESTING, 1, 0, 0, 0)  # nothing was seen yet: no other limit

RING: Final = 256  # samples that are kept
LAST: Final = RING - 1
LOOK: Final = 15  # every 16th sample
QUICK: Final = 48  # samples in a unit of a window, at least, in a search
UNIT: Final = 96  # and else; and twice the limit
SHIFT: Final = 3  # one sample in so many, as a power of two, where there are more than enough
SKIP: Final = (1 << SHIFT) - 1
MOST: Final = 4096  # samples, after which no window waits for time to pass
SHORT_NS: Final = 50_000_000  # a window takes at least
LONGEST_NS: Final = 2**62  # of a sample; what is longer, or below 0, or no number, counts as 0
KEPT_NS: Final = 10_000_000_000  # a limit is, at least, after its last window
KEPT_WINDOWS: Final = 16  # or as long as so many of them
SETTLED: Final = 4  # units of the first rest
LONG: Final = 24  # units of a rest at the capacity


def raised(limit: int, capacity: int) -> int:
    """Give the limit after a window that was not pressed: an eighth more, at least one, at most the capacity."""
    return min(capacity, limit + max(1, limit // 8))


def is_full(low: int, took_low: Nanoseconds, high: int, took_high: Nanoseconds) -> bool:
    """Tell whether the time went with the limit: by at least 7/16 of its proportion."""
    return 16 * (took_high - took_low) * low >= 7 * took_low * (high - low)


def is_flat(low: int, took_low: Nanoseconds, high: int, took_high: Nanoseconds) -> bool:
    """Tell whether the time did not go with the limit: by less than 9/32 of its proportion, or nothing was measured."""
    return not 32 * (took_high - took_low) * low >= 9 * took_low * (high - low) or took_low == 0


def knee_between(low: int, took_low: Nanoseconds, high: int, took_high: Nanoseconds) -> int:
    """Give the limit up to which the larger one would have taken no longer than the smaller one."""
    return max(low, min(high, int(high * took_low // took_high)))


def settled(at: int, floor: int, capacity: int) -> tuple[int, Memory]:
    """Rest at a limit that was found."""
    limit = max(floor, min(capacity, at))
    return limit, (RESTING, LONG if limit == capacity else SETTLED, 0, limit, 0)


def searched(pair: tuple[int, Nanoseconds, int, Nanoseconds], row: int, floor: int, capacity: int) -> tuple[int, Memory]:
    """Go on with a search after a pair. row: -1 going down, 1 going up, 2 for a second look, 0 at first."""
    low, took_low, high, took_high = pair
    if is_flat(*pair):
        if row < 0 or high >= capacity:
            return settled(raised(high, capacity), floor, capacity)
        return min(capacity, 2 * high), (SEARCHING, 1, 1, high, took_high)
    if is_full(*pair) and row <= 0 and low > floor:
        return max(floor, low // 2), (SEARCHING, 1, -1, low, took_low)
    if row == 1:
        return high, (SEARCHING, 1, 2, low, took_low)  # look again: to stop too early costs more than one window
    return settled(raised(knee_between(*pair), capacity), floor, capacity)


def rise(row: int) -> int:
    """Give how far to step up after so many flat pairs in a row, in 16ths."""
    return 1 if row < 2 else 2 if row == 2 else 4 if row == 3 else 8 if row == 4 else 16


def fall(row: int) -> int:
    """Give how far to step down after so many full pairs in a row, in 32nds: half at most."""
    return 1 if row < 2 else 4 if row == 2 else 8 if row == 3 else 16


def units(row: int) -> int:
    """Give how long to rest after so many checks in a row that showed the same."""
    return 16 if row == 0 else 8 if row == 1 else 4 if row == 2 else 2


def stepped(high: int, row: int) -> int:
    """Give the limit after a check: up by a row of flat pairs (above 0), down by a row of full ones."""
    if row > 0:
        return high + max(1, high * rise(row) // 16)
    return high - max(1, high * fall(-row) // 32) if row < 0 else high


def checked(pair: tuple[int, Nanoseconds, int, Nanoseconds], row: int, floor: int, capacity: int) -> tuple[int, Memory]:
    """Rest again after a check: higher, lower or where it was. row: of flat pairs before (above 0), or of full ones."""
    high = pair[2]
    row = (row + 1 if row > 0 else 1) if is_flat(*pair) else 0 if not is_full(*pair) else row - 1 if row < 0 else -1
    limit = max(floor, min(capacity, stepped(high, row)))
    if limit == high == capacity:
        return limit, (RESTING, LONG, row, limit, 0)
    return limit, (RESTING, units(row if row > 0 else -row), row, limit, 0)


def following(limit: int, took: Nanoseconds, pressed: bool, floor: int, capacity: int, memory: Memory) -> tuple[int, Memory]:
    """Give the limit for the next window, and what to remember, from what a window under a limit showed."""
    doing, _, row, other, took_other = memory
    if not pressed:
        limit = raised(max(limit, other), capacity)
        return limit, (RESTING, SETTLED, 0, limit, 0) if other > 0 else COLD
    if doing == RESTING:
        low = max(floor, limit * 3 // 4 if other > 0 else limit // 2)
        if low < limit:
            return low, (CHECKING if other > 0 else SEARCHING, 1, row, limit, took)
        return min(capacity, 2 * limit), (SEARCHING, 1, 1, limit, took)  # from the floor it can only look up
    if other == limit:
        return settled(limit, floor, capacity)  # there is only one
    pair = (limit, took, other, took_other) if limit < other else (other, took_other, limit, took)
    return checked(pair, row, floor, capacity) if doing == CHECKING else searched(pair, row, floor, capacity)


@final
class AdaptiveLimit:
    """Move a limit between `floor` and the capacity of the bulkhead that it is bound to, by samples of finished work.

    now: the limit. It is the capacity at first, and the floor as long as the capacity is not known.
    Raises TypeError for a floor that is no int, ValueError for one below 1. It may be used by any number of threads; the same
    samples in the same order give the same limits (LIMIT-6). Its memory is fixed.
    """

    __slots__ = ("_begun_ns", "_capacity", "_floor", "_inside", "_kept_ns", "_memory", "_serial", "_skip", "_took", "now")

    now: int

    def __init__(self, floor: int) -> None:
        self._floor: Final = _checked("floor", floor, 1)
        self._capacity = 0  # not bound
        self._took: Final[list[Nanoseconds]] = [0] * RING
        self._inside: Final[list[int]] = [0] * RING
        self._serial = count()
        self._skip = 0  # or SKIP: only every eighth sample counts
        self._memory = COLD
        self._begun_ns: Nanoseconds = 0  # the end of the last window
        self._kept_ns: Nanoseconds = KEPT_NS
        self.now = self._floor

    __init_subclass__ = sealed

    @property
    def floor(self) -> int:
        """The least limit."""
        return self._floor

    def bind(self, capacity: int) -> None:
        """Tell the capacity, once. Raises TypeError for no int, ValueError if it is below the floor, or known already."""
        if self._capacity:
            raise ValueError("this limit is that of another bulkhead already")
        self._capacity = self.now = _checked("capacity", capacity, self._floor)

    def sample(self, entered_ns: Nanoseconds, left_ns: Nanoseconds, in_progress: int) -> None:
        """Take note of one piece of work that was finished well; never waits (LIMIT-1, LIMIT-6).

        entered_ns, left_ns: when it went inside and left, by a monotonic clock. in_progress: how many were inside when it went in,
        itself included. What was refused, cancelled, failed or thrown away is no sample, which is for the caller to see to
        (LIMIT-3). No number raises; a time that a clock gave wrong, below 0 or none at all, counts as 0 and so never lowers.
        """
        place, skip = next(self._serial), self._skip
        if place & skip or place < 0:
            return  # there are more than enough, or it may have begun under another limit
        if skip:
            place >>= SHIFT
        took = left_ns - entered_ns
        self._took[place & LAST] = took if 0 <= took <= LONGEST_NS else 0
        self._inside[place & LAST] = in_progress
        if place & LOOK == LOOK:
            self._look(place + 1, left_ns)

    def at(self, now_ns: Nanoseconds) -> int:
        """Give the limit that counts at a time: the capacity once no window has ended for too long (POLICY-5).

        To be asked before anybody is refused: `inside >= limit.now and inside >= limit.at(now_ns)`.
        """
        if not 0 <= now_ns - self._begun_ns <= self._kept_ns and self._capacity:
            self._memory, self.now = COLD, self._capacity
        return self.now

    def _look(self, samples: int, left_ns: Nanoseconds) -> None:
        """End the window if it is complete, and move the limit."""
        limit, memory, lasted_ns = self.now, self._memory, left_ns - self._begun_ns
        doing, units, _, other, _ = memory
        least = max(QUICK, limit) if doing == SEARCHING or not other else units * max(UNIT, 2 * limit)
        if samples < MOST and (samples < least or not lasted_ns >= SHORT_NS):
            return
        size = min(samples, RING)
        middle = sorted(self._took[:size])[size // 4 : size - size // 4]
        pressed = 8 * sum(self._inside[:size]) >= 7 * size * limit
        capacity = self._capacity or limit
        after, self._memory = following(limit, sum(middle) // len(middle), pressed, self._floor, capacity, memory)
        if samples >= least << SHIFT:
            self._skip = SKIP  # all that the time is waited for
        elif lasted_ns > 2 * SHORT_NS:
            self._skip = 0
        self._serial = count(-((limit + after) << SHIFT if self._skip else limit + after) if after != limit else 0)
        self._begun_ns = left_ns
        self._kept_ns = max(KEPT_NS, KEPT_WINDOWS * lasted_ns) if 0 <= lasted_ns <= LONGEST_NS else KEPT_NS
        self.now = after  # last: one store of what is within its bounds, whatever came before it

    def __repr__(self) -> str:
        return f"<tidegate.AdaptiveLimit {self.now} of {self._floor} to {self._capacity}>"


def _checked(name: str, value: Any, least: int) -> int:
    """Give the number, or raise: TypeError for no int, ValueError for one that is too small."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return value
