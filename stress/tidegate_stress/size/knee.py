"""From when calls began and ended to how many a service works on at once: the knee, beyond which more inside only wait.

Time is cut into slots. Each gives a point: how many were inside on average, and how many ended. Points with about as many inside
are put together (`Level`). Where a service has a limit, what it finishes a second grows with how many are inside up to a height,
and not beyond. By Little's law (J. D. C. Little, Operations Research 9, 1961) as many are then worked on as are finished a second,
times how long one takes when nothing is in its way:

    knee = highest rate x mean time of a call when it is quiet

(the operating point that L. Kleinrock calls the knee, ICC 1979). Nothing is concluded from calls that never met a limit, nor from
such that never met quiet: `CannotTell` has the reason.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

RATIO: Final = 1.25  # from one level to the next
QUIET_CALLS: Final = 20  # at least so many with the fewest inside are the first guess at what quiet is
QUIET: Final = 0.5  # of the knee: who finds no more inside has nothing in his way
NEAR: Final = 0.85  # of the highest rate: as good as it
WIDE: Final = 1.5  # times as many inside as are worked on: then it was seen that more inside finish no more
RISING: Final = 0.6  # of the highest rate: less than that has to be seen, too
MOST: Final = 0.7  # of the highest rate
SOFT: Final = 3.0  # times the knee inside, and as many more, until most of the rate is reached: quiet and busy calls are not alike
LEAST: Final = 20  # calls that ended in a level, for it to count; or a tenth of all, and 400, which is within 5 % by chance
SHARE: Final = 0.1
ENOUGH: Final = 400


class CannotTell(Exception):
    """Raised where what was recorded does not show what was asked. Its text is the reason, in words for the user."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Hold calls that were served: when each began and ended, in seconds, in any order."""

    begins_s: Sequence[float]
    ends_s: Sequence[float]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.begins_s)

    def longest_s(self) -> float:
        """The longest of them; 0 if there is none."""
        return max((end - begin for begin, end in zip(self.begins_s, self.ends_s, strict=True)), default=0.0)


@dataclass(frozen=True, slots=True)
class Slot:
    """Tell of some time: how long it was, how many were inside on average, how many ended."""

    seconds: float
    inside: float
    ended: int


@dataclass(frozen=True, slots=True)
class Level:
    """Tell of all times with about as many inside: the mean, what was finished a second, and how many that were in all."""

    inside: float
    finished_per_s: float
    ended: int
    seconds: float

    @property
    def took_s(self) -> float:
        """How long one was inside, by Little's law."""
        return self.inside / self.finished_per_s if self.finished_per_s else math.inf


@dataclass(frozen=True, slots=True)
class Knee:
    """Tell what a service can do. rate_per_s: at most. quiet_s: the mean time of a call when it is quiet. levels: what shows it."""

    inside: int
    exact: float
    rate_per_s: float
    quiet_s: float
    levels: tuple[Level, ...]
    times_s: tuple[float, ...]  # of calls when it was quiet, in order


def slots_of(calls: Calls, width_s: float) -> list[Slot]:
    """Cut time into slots of this width, and give those in which anybody was inside; those in which nobody came or went, as one."""
    held: dict[int, float] = defaultdict(float)
    steps: dict[int, int] = defaultdict(int)  # calls that are inside from here on for whole slots
    ended: dict[int, int] = defaultdict(int)
    for begin_s, end_s in zip(calls.begins_s, calls.ends_s, strict=True):
        first, last = int(begin_s // width_s), int(end_s // width_s)
        ended[last] += 1
        if first == last:
            held[first] += end_s - begin_s
            continue
        held[first] += (first + 1) * width_s - begin_s
        held[last] += end_s - last * width_s
        steps[first + 1] += 1
        steps[last] -= 1
    found: list[Slot] = []
    whole, following = 0, 0
    for number in sorted({*held, *steps}):
        if whole and number > following:
            found.append(Slot((number - following) * width_s, float(whole), 0))
        whole += steps.get(number, 0)
        following = number + 1
        inside = whole + held.get(number, 0.0) / width_s
        if inside > 0 or number in ended:
            found.append(Slot(width_s, inside, ended.get(number, 0)))
    return found


def levels_of(slots: Sequence[Slot]) -> tuple[Level, ...]:
    """Put slots with about as many inside together, from few inside to many."""
    least = max(LEAST, min(ENOUGH, SHARE * sum(slot.ended for slot in slots)))
    together: dict[int, list[Slot]] = defaultdict(list)
    for slot in slots:
        together[round(math.log(max(slot.inside, 1e-3), RATIO))].append(slot)
    groups: list[list[Slot]] = [[]]
    for place in sorted(together):
        if sum(slot.ended for slot in groups[-1]) >= least:
            groups.append([])
        groups[-1] += together[place]
    if len(groups) > 1 and sum(slot.ended for slot in groups[-1]) < least:
        few = groups.pop()
        groups[-1] += few
    return tuple(map(_level_of, groups)) if slots else ()


def _level_of(slots: Sequence[Slot]) -> Level:
    seconds, ended = sum(slot.seconds for slot in slots), sum(slot.ended for slot in slots)
    return Level(sum(slot.inside * slot.seconds for slot in slots) / seconds, ended / seconds, ended, seconds)


def others_at_begin(calls: Calls) -> list[int]:
    """Count for each call how many others were inside when it began."""
    order = sorted(range(calls.count), key=calls.begins_s.__getitem__)
    ends, gone, found = sorted(calls.ends_s), 0, [0] * calls.count
    for came, place in enumerate(order):
        begin_s = calls.begins_s[place]
        while gone < came and ends[gone] <= begin_s:
            gone += 1
        found[place] = came - gone
    return found


def find_knee(calls: Calls, width_s: float) -> Knee:
    """Find how many are worked on at once. Raises CannotTell."""
    levels = levels_of(slots_of(calls, width_s))
    if len(levels) < 2:
        raise CannotTell(f"{calls.count:,} calls are too few, or too much alike, to show how many can be worked on at once")
    rate = max(level.finished_per_s for level in levels)
    others = others_at_begin(calls)
    fewest = sorted(others)[min(QUIET_CALLS, len(others)) - 1]
    times_s = _times(calls, others, fewest)
    times_s = _times(calls, others, max(fewest, int(QUIET * rate * sum(times_s) / len(times_s))))
    quiet_s = sum(times_s) / len(times_s)
    exact = rate * quiet_s
    _demand_shape(levels, exact, rate)
    return Knee(max(1, round(exact)), exact, rate, quiet_s, levels, times_s)


def _demand_shape(levels: Sequence[Level], exact: float, rate: float) -> None:
    """Raise CannotTell unless the rate was seen to grow with how many are inside, and then to grow no more."""
    first = next(level for level in levels if level.finished_per_s >= NEAR * rate)
    last = levels[-1]
    if last.inside < max(WIDE * exact, WIDE * first.inside / RATIO, exact + 1):
        raise CannotTell(
            f"it never came to its limit: with {last.inside:.3g} inside at once it finished {last.finished_per_s:.3g} a second, "
            f"and each took {last.took_s * 1e3:.3g} ms"
        )
    if levels[0].finished_per_s > RISING * rate:
        raise CannotTell("it was never quiet: with the fewest inside it already finished nearly as many a second as it ever did")
    most = next(level for level in levels if level.finished_per_s >= MOST * rate)
    if most.inside > SOFT * exact + SOFT:
        raise CannotTell(
            f"busy times are not like quiet ones: by how long a call takes when it is quiet {exact:.3g} inside would be enough, "
            f"and {most.inside:.3g} were inside before it finished {MOST:.0%} of what it can"
        )


def _times(calls: Calls, others: Sequence[int], most: int) -> tuple[float, ...]:
    """Give the times, in order, of the calls that found no more others inside than this."""
    each = zip(calls.begins_s, calls.ends_s, others, strict=True)
    return tuple(sorted(end_s - begin_s for begin_s, end_s, found in each if found <= most))


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the value below which so many in a hundred are, of values in order (the nearest rank)."""
    return values[max(0, math.ceil(percent / 100 * len(values)) - 1)]
