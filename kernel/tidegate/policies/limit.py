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
    the limit itself decided how many were inside. The time of a window is the mean of the middle half of its samples.

    A pressed window is compared with the pressed window before it, if that was under another limit. If the time went with the
    limit, that is, rose or fell by more than half of what the limit did in proportion, then the larger of the two limits only made
    work wait, and the next limit is an eighth lower. A window that was measured under a larger limit than the one before is then
    left for the smaller one at once. Every other window is *good*, and the next limit is an eighth higher.

    At the capacity a pressed window is not compared with anything new, so every ninth one is followed by a step down, to see.

Why this rule
    It has no baseline. What is compared is two windows next to each other, so there is nothing that could be poisoned by one lucky
    sample or drift up under constant overload (LIMIT-4): a window is forgotten as soon as the next one was pressed. Service times
    that become longer by themselves are seen in at most one comparison. A window that is empty, or whose load did not reach the
    limit, tells nothing against the limit, so that the limit goes back up (LIMIT-5). All arithmetic is on whole numbers.

How long until it is back at the capacity
    Eight good windows in a row double the limit, or reach the capacity. So from the floor it takes at most
    K = 8 * ceil(log2(capacity / floor)) good windows: 32 from 4 to 64. Without a load there are no windows; then a limit counts
    for 10 s after its last window (or 16 times as long as that window took) and no longer: `at` (POLICY-5).

How it works
    A sample is a number in a ring, at a place that a counter gives: one step in C, so that each has a place of its own and no lock
    is needed. Every 16th one looks whether the window is complete: after 256 samples, or after a second with four samples for each
    that may be inside. Nothing has to be armed again: a look that is interrupted is made up for by a later one. After a move as
    many samples are passed over as may be inside, as they began under another limit. The limit is stored last, in one step, by
    whoever looks, and is always between floor and capacity (LIMIT-1). Nothing here holds, frees or counts a slot (LIMIT-2).

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
    One piece of work that waits for others that are inside (a lock) looks like contention, and it is. Half a window of samples
    that are not of this work can move the limit by an eighth, never more. In a child after a fork the limit is the parent's at
    first.
"""

from itertools import count
from typing import Any, Final, final

from .._types import sealed

__all__ = ["AdaptiveLimit"]

Nanoseconds = int | float  # at run time an int is no float

WINDOW: Final = 256  # samples, at most
LAST: Final = WINDOW - 1
LOOK: Final = 15  # every 16th sample
ROUNDS: Final = 2  # samples for each that may be inside, at least, in a window that is ended by time
LEAST=32
MOST=4096
FAST=False
SEARCHING=-1
CHECKING=-2
REST=16
REST0=4
CHECKS=64
UNIT=64
SETTLED=4
STEPS=(1,2,4,8)
LONG=24
FULL=6
FLAT=2
CHECK=6
SHORT_NS: Final = 50_000_000  # a window that is ended by time has taken so long
LONGEST_NS: Final = 2**62  # of a sample; what is longer, or below 0, or no number, counts as 0
PROBE: Final = 8  # pressed windows at the capacity until a step down
KEPT_NS: Final = 10_000_000_000  # a limit is, at least, after its last window
KEPT_WINDOWS: Final = 16  # or as long as so many of them


def raised(limit: int, capacity: int) -> int:
    """Give the limit after a good window: an eighth more, at least one, at most the capacity."""
    return min(capacity, limit + max(1, limit // 8))


def went_with(limit: int, took: Nanoseconds, before: int, took_before: Nanoseconds) -> bool:
    """Tell whether the time went with the limit: up or down by more than half of what the limit did, in proportion."""
    if limit > before:
        return 2 * (took - took_before) * before > took_before * (limit - before)
    return 2 * (took_before - took) * before > took_before * (before - limit)


@final
class AdaptiveLimit:
    """Move a limit between `floor` and the capacity of the bulkhead that it is bound to, by samples of finished work.

    now: the limit. It is the capacity at first, and the floor as long as the capacity is not known.
    Raises TypeError for a floor that is no int, ValueError for one below 1. It may be used by any number of threads; the same
    samples in the same order give the same limits (LIMIT-6). Its memory is fixed.
    """

    __slots__ = ("_begun_ns", "_capacity", "_floor", "_held", "_mode", "_dir", "_inside", "_kept_ns", "_reference", "_serial", "_took", "now")

    now: int

    def __init__(self, floor: int) -> None:
        self._floor: Final = _checked("floor", floor, 1)
        self._capacity = 0  # not bound
        self._took: Final[list[Nanoseconds]] = [0] * WINDOW
        self._inside: Final[list[int]] = [0] * WINDOW
        self._serial = count()
        self._begun_ns: Nanoseconds = 0  # the end of the last window
        self._kept_ns: Nanoseconds = KEPT_NS
        self._reference: tuple[int, Nanoseconds] = (0, 0)  # limit and time of the last pressed window; (0, 0): there was none
        self._dir = self._mode = 0
        self._held = 0  # pressed windows at the capacity in a row
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
        place = next(self._serial)
        if place < 0:
            return  # it may have begun under another limit
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
            self.now = self._capacity
        return self.now

    def _look(self, samples: int, left_ns: Nanoseconds) -> None:
        """End the window if it is complete, and move the limit."""
        limit, lasted_ns = self.now, left_ns - self._begun_ns
        mode = self._mode
        need = max(LEAST, ROUNDS * limit)
        if mode > 0:
            need = mode * max(UNIT, ROUNDS * limit)
        elif mode == CHECKING:
            need = max(need, CHECKS)
        if samples < need or (samples < MOST and not lasted_ns >= SHORT_NS):
            return
        size = min(samples, WINDOW)
        middle = sorted(self._took[:size])[size // 4 : size - size // 4]
        pressed = 8 * sum(self._inside[:size]) >= 7 * size * limit
        following = self._following(limit, sum(middle) // len(middle), pressed)
        self._serial = count(-limit - following) if following != limit else count()
        self._begun_ns = left_ns
        self._kept_ns = max(KEPT_NS, KEPT_WINDOWS * lasted_ns) if 0 <= lasted_ns <= LONGEST_NS else KEPT_NS
        self.now = following  # last: one store of what is within its bounds, whatever came before it

    def _settle(self, at: int) -> int:
        self._mode = SETTLED
        self._dir = 0
        return max(self._floor, min(self._capacity, at))

    def _following(self, limit: int, took: Nanoseconds, pressed: bool) -> int:
        """Give the limit for the next window."""
        cap, floor, mode = self._capacity or limit, self._floor, self._mode
        other, t = self._reference
        if not pressed:
            if mode == CHECKING or (mode == SEARCHING and other > limit):
                limit = other
            self._mode = REST0 if other else 0
            self._dir = 0
            return raised(limit, cap)
        self._reference = limit, took
        if mode >= 0 or not other:  # rested: check
            low = max(floor, limit * CHECK // 8 if other else limit // 2)
            if low == limit:  # at the floor
                self._mode = SEARCHING
                self._dir = 1
                return min(cap, 2 * limit)
            self._mode = CHECKING if other else SEARCHING
            self._dir = self._dir if other else 0
            return low
        low, tl, high, th = (limit, took, other, t) if limit < other else (other, t, limit, took)
        # p = (th/tl - 1) / (high/low - 1), in eighths
        p8 = 8 * (th - tl) * low // (tl * (high - low)) if tl else 0
        knee = high * tl // th if th else high
        if mode == CHECKING:
            way = -1 if p8 >= FULL else 1 if p8 <= FLAT else 0
            row = self._dir = self._dir + way if way * self._dir > 0 else way
            if abs(row) <= 1:
                want = knee * 9 // 8
                want = max(low, min(want, high * 5 // 4))
                new = (high + want + 1) // 2 if row >= 0 else (high+want)//2
            elif row > 0:
                new = high + max(1, high * STEPS[min(row, len(STEPS)) - 1] // 8)
            else:
                new = high - max(1, high * STEPS[min(-row, len(STEPS)) - 1] // 16)
            self._mode = max(2, REST >> max(0, abs(row) - 1))
            if new >= cap and high == cap:
                self._mode = LONG
            return max(floor, min(cap, new))
        # searching
        if p8 >= FULL:
            if self._dir > 0:
                return self._settle(max(low, knee) * 9 // 8)
            if low == floor:
                return self._settle(floor)
            self._reference = low, tl
            self._dir = -1
            return max(floor, low // 2)
        if p8 <= FLAT:
            if self._dir < 0:
                return self._settle(min(high, max(low, knee)) * 9 // 8)
            if high == cap:
                n = self._settle(cap)
                self._mode = LONG
                return n
            self._reference = high, th
            self._dir = 1
            return min(cap, 2 * high)
        return self._settle(knee * 9 // 8)

    def __repr__(self) -> str:
        return f"<tidegate.AdaptiveLimit {self.now} of {self._floor} to {self._capacity}>"


def _checked(name: str, value: Any, least: int) -> int:
    """Give the number, or raise: TypeError for no int, ValueError for one that is too small."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return value
