"""Drive one case: producers that offer by schedule, workers that work, and what both saw, in memory that was set aside beforehand.

Producers are open-loop: when an offer is due does not depend on any answer, and its response time counts from when it was due, so
that a system which stalls its callers does not hide what it does to them (G. Tene, "How not to measure latency": coordinated
omission). A producer that wakes late offers all that has become due.
"""

import gc
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from ..load.unloaded import stolen_share
from ..memory import resident_bytes
from .arrivals import due_times, offers_of
from .books import (
    AFTER_S,
    GRACE_S,
    RETRY_BIN_NS,
    TICK_S,
    Clerk,
    clock,
)
from .case import WHOLE, Result
from .histogram import ladder
from .process import collections_so_far, jain, started, switches_so_far
from .producers import Producers
from .sustained import sustained_rate
from .watchers import Watchers
from .work import tasks_for
from .workers import Workers

MOST_ITEMS: Final = 2_000_000


class Drive(Producers, Workers, Watchers):
    """Run one case on one door. `start` and the load's end are the same instant for all drives that share a `barrier`."""

    def run(self) -> Result:
        """Go through it: the workers alone, the load, the way back to rest, the workers alone again."""
        case, figures = self._case, self._figures
        stolen = self._stolen()
        with tasks_for(case) as tasks:
            self._tasks = tasks
            before = max(1.0, sustained_rate(case, self._maker, tasks))
            figures["deadline_s"] = case.deadline_fills * case.capacity / before
            self._deadline_ns = int(figures["deadline_s"] * 1e9)
            self._set_aside(before)
            gc.collect()
            self._go(before)
            after = sustained_rate(case, self._maker, tasks) if self._ended == WHOLE else before
        figures["provisioned_per_s"] = provisioned = (before + after) / 2
        figures["provisioned_noise"] = abs(before - after) / max(before, after, 1e-9)
        if self._barrier is None:
            figures["stolen_share"] = max(stolen, self._stolen())
        figures["goodput_share"] = figures["goodput_per_s"] / max(provisioned, 1e-9)
        return Result(case, self._ended, "", figures, self._ladders(), (), tuple(self._problems))

    def _stolen(self) -> float:
        """Measure what others take of the processor, unless another case beside this one would be taken for them."""
        return stolen_share() if self._barrier is None else 0.0

    # What is made beforehand.

    def _set_aside(self, rate_per_s: float) -> None:
        case = self._case
        spinners = case.producers if case.arrivals == "spinning" else 0
        scheduled = 1 if spinners else case.producers
        self._door = self._maker(case.capacity, case.workers, self._serve)
        offers = case.tries * offers_of(case, rate_per_s)
        finished = int(1.5 * rate_per_s * (case.seconds + 1)) + 4 * case.capacity
        most = min(MOST_ITEMS, finished if self._door.bounded else offers + 1000)
        clerks = spinners + scheduled + 1
        length = min(most, max(2 * most // clerks, 1000)) if clerks < 100 else 4 * most // clerks + 100
        self._clerks = [Clerk(number * length, length) for number in range(clerks)]
        total = clerks * length
        self._due_ns = array("q", bytes(8 * total))
        self._in_ns = array("q", bytes(8 * total))
        self._served = bytearray(total)
        self._dues = [due_times(case, rate_per_s, number, scheduled) for number in range(scheduled)]

    # The load and its end.

    def _go(self, rate_per_s: float) -> None:
        case, figures = self._case, self._figures
        collections, switches = collections_so_far(), switches_so_far()
        held = (resident_bytes() or 0, sys.getallocatedblocks())
        if self._door.take is not None:
            for number in range(case.workers):
                started(self._work, number)
        if self._barrier is not None:
            self._barrier.wait(60)
        self._start_ns = clock() + 5_000_000
        *producing, _ = self._clerks
        for clerk, dues in zip(producing, self._dues, strict=False):
            started(self._produce, clerk, dues, deque[tuple[int, int, int]](), deque[tuple[int, int]]())
        for clerk in producing[len(self._dues) :]:
            started(self._spin, clerk)
        watching = [started(self._watch), started(self._be_late)]
        self._wait_for_producers(producing)
        self._phase = "after"
        end_ns = clock()
        seconds = (end_ns - self._start_ns) / 1e9
        sums = self._sums()
        load_readings = self._readings
        figures["offered_per_s"] = sums.offered / seconds
        figures["goodput_per_s"] = sums.good / seconds
        figures["generator_cores"] = sum(clerk.cores_ns for clerk in producing) / (end_ns - self._start_ns)
        figures["fairness"] = jain([clerk.accepted for clerk in producing])
        figures["collections"] = collections_so_far() - collections
        figures["switches_voluntary"], figures["switches_involuntary"] = (
            after - before for after, before in zip(switches_so_far(), switches, strict=True)
        )
        self._tell_memory(load_readings, held)
        if self._ended == WHOLE:
            self._guarded(self._come_to_rest, end_ns)
        self._working = False
        self._halt = True
        for thread in watching:
            thread.join(GRACE_S)
        self._tell_workers(end_ns)
        if self._ended == WHOLE:
            self._judge_rest()
        self._door.shut()

    def _wait_for_producers(self, clerks: Iterable[Clerk]) -> None:
        end_s = time.monotonic() + self._case.seconds
        for clerk in clerks:
            while not clerk.ended.wait(0.02):
                over_s = time.monotonic() - end_s
                if over_s > 0 and self._case.arrivals == "spinning":
                    self._halt = True
                if over_s > GRACE_S:
                    self._ended = f"offer did not return within {GRACE_S:g} s"
                    self._halt = True
                    return
        self._halt = False

    def _tell_memory(self, load_readings: int, held: tuple[int, int]) -> None:
        half = load_readings // 2
        if half < 4:
            return
        names = (("rss_growth_bytes", "rss_peak_bytes"), ("blocks_growth", "blocks_peak"))
        for place, (growth, peak) in enumerate(names):
            values = self._reading[place : 2 * load_readings : 2]
            self._figures[growth] = max(values[half:]) - max(values[:half])
            self._figures[peak] = max(values) - held[place]

    def _come_to_rest(self, end_ns: int) -> None:
        """Measure how soon an offer is let in again, and how soon all is finished."""
        probe, figures = self._clerks[-1], self._figures
        deadline_ns = clock() + int(AFTER_S * 1e9)
        while clock() < deadline_ns:
            if self._offer(probe, clock()) >= 0:
                figures["recovery_s"] = (clock() - end_ns) / 1e9
                break
            time.sleep(TICK_S / 4)
        while clock() < deadline_ns:
            if self._unfinished() == 0:
                figures["idle_s"] = (clock() - end_ns) / 1e9
                return
            time.sleep(TICK_S)

    def _tell_workers(self, end_ns: int) -> None:
        figures, tallies = self._figures, self._tallies
        sums = self._sums()
        figures.update(offered=sums.offered, accepted=sums.accepted, rejected=sums.rejected, retried=sums.retried)
        figures.update(finished=sums.finished, good=sums.good, crashed=sums.crashed, peak_depth=self._peak)
        figures["retry_burst_per_s"] = max(self._retries) * 1e9 / RETRY_BIN_NS
        figures["timed_out"] = sum(clerk.timed_out for clerk in self._clerks)
        figures["worker_fairness"] = jain([tally.finished for tally in tallies])
        figures["starvation_s"] = max(tally.starved_ns for tally in tallies) / 1e9
        figures["longest_service_s"] = max(tally.slowest_ns for tally in tallies) / 1e9
        if self._last_late_ns:
            figures["normal_s"] = max(0.0, (self._last_late_ns - end_ns) / 1e9)
        elif "idle_s" in figures:
            figures["normal_s"] = 0.0
        late = ladder([self._late])
        if late is not None:
            figures["late_p99_s"], figures["late_max_s"] = late.at(99.0) / 1e9, late.max_ns / 1e9

    def _judge_rest(self) -> None:
        """Hold what is exact against what callers counted: each item served once, the queue's counts, answers as of a new one."""
        figures, problems = self._figures, self._problems
        twice = sum(count > 1 for count in self._served)
        if twice:
            problems.append(f"{twice} items were served more than once")
        if "idle_s" not in figures:
            left = self._unfinished()
            problems.append(f"{left} items were unfinished {AFTER_S:g} s after the load, or lost")
        else:
            figures["lost"] = 0
        sums = self._sums()
        if self._door.statistics is not None:
            seen = self._door.statistics()
            rules = {
                "accepted": (seen.accepted, sums.accepted),
                "full + closed": (seen.full + seen.closed, sums.rejected),
                "released": (seen.released, sums.finished + sums.crashed),
                "abandoned": (seen.abandoned, 0),
                "free": (seen.free, self._case.capacity - self._unfinished()),
            }
            problems += [f"{name} is {own}, callers counted {count}" for name, (own, count) in rules.items() if own != count]
            if seen.peak > self._case.capacity:
                problems.append(f"{seen.peak} items were unfinished at once, in {self._case.capacity} slots")
        if self._peak > self._case.capacity + (0 if self._door.statistics else self._case.workers) and self._door.bounded:
            problems.append(f"{self._peak} items were unfinished at a reading, in {self._case.capacity} slots")
        if self._door.statistics is not None and "idle_s" in figures:
            self._guarded(lambda: problems.extend(self._differences_from_new()))

    def _guarded(self, target: Callable[..., object], *arguments: object) -> None:
        """Note what a queue raises: a finding, not an end of the run."""
        try:
            target(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is
            self._problems.append(f"offer or take raised {type(error).__name__}: {error}")

    def _differences_from_new(self) -> Iterator[str]:
        """With the workers gone, fill it and empty it."""
        time.sleep(2 * 0.05)  # the workers' last takes have ended by then
        door, capacity = self._door, self._case.capacity
        answers = [self._answer(door.offer, place) for place in range(capacity + 1)]
        if answers != [True] * capacity + [False]:
            yield f"at rest it let in {sum(answers)} of {capacity + 1} offers"
        given: list[Any] = []
        with suppress(door.empty):
            while len(given) <= capacity and door.take is not None:
                door.serve(door.take(0), given.append)
        if given != list(range(capacity)):
            yield "at rest it gave other items than those offered, or in another order"

    def _answer(self, offer: Callable[[Any], object], item: Any) -> bool:
        try:
            return offer(item) is self._door.accepted
        except self._door.refusal:
            return False
