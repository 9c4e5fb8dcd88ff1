"""Drive one case: producers that offer by schedule, workers that work, and what both saw, in memory that was set aside beforehand.

Producers are open-loop: when an offer is due does not depend on any answer, and its response time counts from when it was due, so
that a system which stalls its callers does not hide what it does to them (G. Tene, "How not to measure latency": coordinated
omission). A producer that wakes late offers all that has become due.
"""

import gc
import os
import sys
import threading
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from ..load.unloaded import stolen_share
from ..memory import resident_bytes
from .arrivals import due_times, offers_of
from .case import WHOLE, Case, Interval, Ladder, Phase, Result
from .histogram import Histogram, ladder
from .subjects import Door, Maker, maker_of
from .work import Task, tasks_for

clock: Final = time.perf_counter_ns
TICK_S: Final = 0.001  # a producer sleeps at least this long, then offers all that is due
READING_S: Final = 0.05
LATENESS_S: Final = 0.005
SUSTAIN_S: Final = 0.5
AFTER_S: Final = 5.0  # the most to wait for what is left, once the load is gone
RETRY_BIN_NS: Final = 10_000_000
LIFE_S: Final = 0.1  # of a producer's thread, under producer churn
GRACE_S: Final = 5.0
RUNAWAY_BYTES: Final = 1 << 29
MOST_ITEMS: Final = 2_000_000
CRASH_EVERY: Final = 25  # items
STALL: Final = (0.3, 0.6)  # of the load, in which a stalled worker stays with one item
SLOW: Final = (1 / 3, 2 / 3)  # of the load, in which slow workers take twice as long
REFUSED: Final = object()
Emit = Callable[[Mapping[str, object]], None]


class WorkerCrash(Exception):
    """Raised by the work of a crashing worker."""


class Clerk:
    """Keep what one producer saw. Its items are the numbers from `base` on: the next one is used when the last one was let in."""

    __slots__ = (
        "accepted",
        "accepted_calls",
        "base",
        "call_ns",
        "cores_ns",
        "end",
        "ended",
        "place",
        "rejected",
        "rejected_calls",
        "responses",
        "retried",
        "timed_out",
    )

    def __init__(self, base: int, length: int) -> None:
        self.base: Final = base
        self.place = base
        self.end: Final = base + length
        self.accepted = self.rejected = self.retried = self.timed_out = self.call_ns = self.cores_ns = 0
        self.accepted_calls: Final = Histogram()
        self.rejected_calls: Final = Histogram()
        self.responses: Final = Histogram()
        self.ended: Final = threading.Event()


class Tally:
    """Keep what one worker saw."""

    __slots__ = (
        "completions",
        "crashed",
        "finished",
        "good",
        "longest_ns",
        "slowest_ns",
        "sojourn_ns",
        "sojourns",
        "starved_ns",
        "taken",
    )

    def __init__(self) -> None:
        self.taken = self.finished = self.good = self.crashed = self.sojourn_ns = self.longest_ns = 0
        self.slowest_ns = self.starved_ns = 0
        self.sojourns: Final = Histogram()
        self.completions: Final = Histogram()


@dataclass(frozen=True, slots=True)
class Sums:
    """Add up what was seen so far."""

    at_ns: int
    offered: int
    accepted: int
    rejected: int
    retried: int
    call_ns: int
    taken: int
    finished: int
    good: int
    crashed: int
    sojourn_ns: int


class Drive:
    """Run one case on one door. `start` and the load's end are the same instant for all drives that share a `barrier`."""

    def __init__(self, case: Case, emit: Emit, barrier: threading.Barrier | None = None) -> None:
        self._case = case
        self._emit = emit
        self._barrier = barrier
        self._maker: Maker = maker_of(case.subject)
        self._figures: dict[str, float] = {}
        self._problems: list[str] = []
        self._ended = WHOLE
        self._halt = False
        self._working = True
        self._phase: Phase = "load"
        self._start_ns = 0
        self._late = Histogram()
        self._retries: Final = array("q", bytes(8 * int((case.seconds + AFTER_S + GRACE_S) * 1e9 / RETRY_BIN_NS)))
        self._reading: Final = array("q", bytes(8 * 2 * int((case.seconds + AFTER_S + 60) / READING_S)))
        self._readings = 0
        self._local = threading.local()
        self._tallies = [Tally() for _ in range(case.workers)]
        self._clerks: list[Clerk] = []
        self._peak = 0
        self._deadline_ns = 0
        self._last_late_ns = 0
        self._threads_seen = 0

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
        self._door: Door = self._maker(case.capacity, case.workers, self._serve)
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

    def _item(self, place: int) -> Any:
        """Make what is offered: the number, and what makes it large."""
        return (place, bytes(self._case.item_bytes)) if self._case.item_bytes else place

    # The load and its end.

    def _go(self, rate_per_s: float) -> None:
        case, figures = self._case, self._figures
        collections, switches = _collections(), _switches()
        held = (resident_bytes() or 0, sys.getallocatedblocks())
        if self._door.take is not None:
            for number in range(case.workers):
                _start(self._work, number)
        if self._barrier is not None:
            self._barrier.wait(60)
        self._start_ns = clock() + 5_000_000
        *producing, _ = self._clerks
        for clerk, dues in zip(producing, self._dues, strict=False):
            _start(self._produce, clerk, dues, deque[tuple[int, int, int]](), deque[tuple[int, int]]())
        for clerk in producing[len(self._dues) :]:
            _start(self._spin, clerk)
        watching = [_start(self._watch), _start(self._be_late)]
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
        figures["collections"] = _collections() - collections
        figures["switches_voluntary"], figures["switches_involuntary"] = (
            after - before for after, before in zip(_switches(), switches, strict=True)
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

    # Producers.

    def _produce(
        self, clerk: Clerk, dues: Iterator[int], waiting: deque[tuple[int, int, int]], again: deque[tuple[int, int]]
    ) -> None:
        """Offer by schedule; with clients that try again, look each tick for those whose time is up."""
        begun_ns, churn, tries = time.thread_time_ns(), self._case.trouble == "producer churn", self._case.tries
        life_end_ns = clock() + int(LIFE_S * 1e9)
        try:
            for offset_ns in dues:
                due_ns = self._start_ns + offset_ns
                now_ns = clock()
                while now_ns < due_ns and not self._halt:
                    wait_s = (due_ns - now_ns) / 1e9
                    time.sleep(TICK_S if tries > 1 else max(TICK_S, wait_s))
                    if tries > 1:
                        self._try_again(clerk, waiting, again)
                    now_ns = clock()
                if self._halt or clerk.place >= clerk.end:
                    break
                self._try(clerk, due_ns, tries, waiting, again)
                if churn and now_ns > life_end_ns:
                    clerk.cores_ns += time.thread_time_ns() - begun_ns
                    _start(self._produce, clerk, dues, waiting, again)
                    return
        except Exception as error:  # noqa: BLE001 - whatever a queue raises is a finding
            self._problems.append(f"offer raised {type(error).__name__}: {error}")
        clerk.cores_ns += time.thread_time_ns() - begun_ns
        if clerk.place >= clerk.end and self._ended == WHOLE:
            self._ended = f"{self._sums().accepted:,} items were let in, and there was no end to it"
            self._halt = True
        clerk.ended.set()

    def _try(
        self, clerk: Clerk, due_ns: int, tries: int, waiting: deque[tuple[int, int, int]], again: deque[tuple[int, int]]
    ) -> None:
        place = self._offer(clerk, due_ns)
        if self._case.tries > 1:
            if place >= 0:
                waiting.append((due_ns + self._deadline_ns, place, tries - 1))
            elif tries > 1:
                again.append((clock(), tries - 1))
            else:
                clerk.timed_out += 1

    def _try_again(self, clerk: Clerk, waiting: deque[tuple[int, int, int]], again: deque[tuple[int, int]]) -> None:
        """Have the clients that were refused, and those whose time is up, offer their request once more, at once."""
        for _ in range(len(again)):
            since_ns, tries = again.popleft()
            self._retry(clerk)
            self._try(clerk, since_ns, tries, waiting, again)
        now_ns = clock()
        while waiting and waiting[0][0] <= now_ns and clerk.place < clerk.end:
            up_ns, place, tries = waiting.popleft()
            if self._served[place]:
                continue
            if tries:
                self._retry(clerk)
                self._try(clerk, up_ns, tries, waiting, again)
            else:
                clerk.timed_out += 1

    def _retry(self, clerk: Clerk) -> None:
        clerk.retried += 1
        self._retries[(clock() - self._start_ns) // RETRY_BIN_NS] += 1  # a count that another producer spoils is off by one

    def _offer(self, clerk: Clerk, due_ns: int) -> int:
        """Make one offer and record it; give the item's number, or -1 when it was refused."""
        door, place = self._door, clerk.place
        offer, accepted = door.offer, door.accepted
        self._due_ns[place] = due_ns
        item = self._item(place)
        start_ns = clock()
        try:
            answer = offer(item)
        except door.refusal:
            answer = REFUSED
        end_ns = clock()
        clerk.call_ns += end_ns - start_ns
        clerk.responses.record(end_ns - due_ns)
        if answer is accepted:
            self._in_ns[place] = end_ns
            clerk.accepted_calls.record(end_ns - start_ns)
            clerk.accepted += 1
            clerk.place = place + 1
            return place
        clerk.rejected_calls.record(end_ns - start_ns)
        clerk.rejected += 1
        return -1

    def _spin(self, clerk: Clerk) -> None:
        """Offer without pause; only what is let in is stamped, so that nothing slows the spinning down."""
        door = self._door
        offer, accepted, refusal = door.offer, door.accepted, door.refusal
        begun_ns = time.thread_time_ns()
        try:
            while not self._halt and clerk.place < clerk.end:
                place = clerk.place
                item = self._item(place)
                try:
                    answer = offer(item)
                except refusal:
                    answer = REFUSED
                if answer is accepted:
                    self._due_ns[place] = self._in_ns[place] = clock()
                    clerk.place = place + 1
                    clerk.accepted += 1
                else:
                    clerk.rejected += 1
        except Exception as error:  # noqa: BLE001 - likewise
            self._problems.append(f"offer raised {type(error).__name__}: {error}")
        clerk.cores_ns += time.thread_time_ns() - begun_ns
        clerk.ended.set()

    # Workers.

    def _work(self, number: int) -> None:
        """Take and serve until told to end. A crash ends this thread; another one takes its place."""
        door, tally = self._door, self._tallies[number]
        self._local.number = number
        take = cast("Callable[[float], Any]", door.take)
        try:
            while self._working:
                queued = self._queued()
                asked_ns = clock()
                try:
                    entry = take(0.05)
                except door.empty:
                    continue
                if queued > 0:
                    tally.starved_ns = max(tally.starved_ns, clock() - asked_ns)
                door.serve(entry, self._serve)
        except WorkerCrash:
            _start(self._work, number)

    def _serve(self, item: Any) -> None:
        """Do one item's work, and record it. Called by a worker, or by a thread of the queue's own."""
        taken_ns = clock()
        number = self._number()
        tally = self._tallies[number]
        place: int = item[0] if self._case.item_bytes else item
        in_ns = self._in_ns[place]
        sojourn_ns = max(0, taken_ns - in_ns) if in_ns else 0  # taken before its producer had noted the answer
        tally.taken += 1
        tally.sojourns.record(sojourn_ns)
        tally.sojourn_ns += sojourn_ns
        tally.longest_ns = max(tally.longest_ns, sojourn_ns)
        self._work_on(number, place)
        end_ns = clock()
        tally.slowest_ns = max(tally.slowest_ns, end_ns - taken_ns)
        self._served[place] += 1
        response_ns = end_ns - self._due_ns[place]
        tally.completions.record(response_ns)
        tally.finished += 1
        if response_ns <= self._deadline_ns:
            tally.good += 1
        else:
            self._last_late_ns = end_ns

    def _work_on(self, number: int, place: int) -> None:
        task, trouble = self._tasks[number], self._case.trouble
        task()
        if trouble != "none":
            share = (clock() - self._start_ns) / 1e9 / self._case.seconds
            if trouble == "slow workers" and SLOW[0] <= share < SLOW[1]:
                task()
            elif trouble == "stalled workers" and number == 0 and STALL[0] <= share < STALL[1]:
                time.sleep((STALL[1] - share) * self._case.seconds)
            elif trouble == "crashing workers" and place % CRASH_EVERY == 0:
                self._tallies[number].crashed += 1
                self._served[place] += 1
                raise WorkerCrash

    def _number(self) -> int:
        number: int | None = getattr(self._local, "number", None)
        if number is None:  # a thread of the queue's own
            with _counting:
                self._threads_seen += 1
                number = self._local.number = (self._threads_seen - 1) % self._case.workers
        return number

    # Watchers.

    def _sums(self) -> Sums:
        clerks, tallies = self._clerks, self._tallies
        finished = sum(tally.finished for tally in tallies)  # read before what was accepted: unfinished is never below 0
        crashed = sum(tally.crashed for tally in tallies)
        accepted, rejected = sum(clerk.accepted for clerk in clerks), sum(clerk.rejected for clerk in clerks)
        return Sums(
            clock(),
            accepted + rejected,
            accepted,
            rejected,
            sum(clerk.retried for clerk in clerks),
            sum(clerk.call_ns for clerk in clerks),
            sum(tally.taken for tally in tallies),
            finished,
            sum(tally.good for tally in tallies),
            crashed,
            sum(tally.sojourn_ns for tally in tallies),
        )

    def _queued(self) -> int:
        taken = sum(tally.taken for tally in self._tallies)
        return sum(clerk.accepted for clerk in self._clerks) - taken

    def _unfinished(self) -> int:
        """Count what had been accepted by a first look and was not finished by a later one: never more than there were."""
        accepted = sum(clerk.accepted for clerk in self._clerks)
        return accepted - sum(tally.finished + tally.crashed for tally in self._tallies)

    def _watch(self) -> None:
        """Read memory and depth all the time, and tell what happened in each interval."""
        before, told_ns = self._sums(), self._start_ns
        first_bytes = resident_bytes() or 0
        while not (self._halt and not self._working):
            time.sleep(READING_S)
            held_bytes = resident_bytes() or 0
            if 2 * self._readings + 2 <= len(self._reading):
                self._reading[2 * self._readings] = held_bytes
                self._reading[2 * self._readings + 1] = sys.getallocatedblocks()
                self._readings += 1
            self._peak = max(self._peak, self._unfinished())
            if held_bytes - first_bytes > RUNAWAY_BYTES and self._ended == WHOLE:
                self._ended = f"the process grew by {RUNAWAY_BYTES >> 20} MiB"
                self._halt = True
            now_ns = clock()
            if now_ns - told_ns >= self._case.interval_s * 1e9:
                told_ns = now_ns
                now = self._sums()
                self._tell(before, now, held_bytes)
                before = now

    def _tell(self, before: Sums, now: Sums, held_bytes: int) -> None:
        seconds = (now.at_ns - before.at_ns) / 1e9
        offers, taken = now.offered - before.offered, now.taken - before.taken
        longest_ns = max(tally.longest_ns for tally in self._tallies)
        for tally in self._tallies:
            tally.longest_ns = 0
        finished, good = now.finished - before.finished, now.good - before.good
        spinning = self._case.arrivals == "spinning"
        interval = Interval(
            t_s=round((now.at_ns - self._start_ns) / 1e9, 3),
            phase=self._phase,
            offered_per_s=round(offers / seconds, 1),
            accepted_per_s=round((now.accepted - before.accepted) / seconds, 1),
            rejected_per_s=round((now.rejected - before.rejected) / seconds, 1),
            finished_per_s=round(finished / seconds, 1),
            good_per_s=round(good / seconds, 1),
            late_per_s=round((finished - good) / seconds, 1),
            retried_per_s=round((now.retried - before.retried) / seconds, 1),
            depth=max(0, now.accepted - now.finished - now.crashed),
            sojourn_ms=round((now.sojourn_ns - before.sojourn_ns) / taken / 1e6, 3) if taken else None,
            sojourn_max_ms=round(longest_ns / 1e6, 3) if taken else None,
            offer_us=round((now.call_ns - before.call_ns) / offers / 1e3, 3) if offers and not spinning else None,
            rss_bytes=held_bytes,
            blocks=sys.getallocatedblocks(),
            collections=_collections(),
            switches=sum(_switches()),
        )
        self._emit({"event": "interval", "interval": asdict(interval)})

    def _be_late(self) -> None:
        """Sleep a little at a time, and note how much longer it took: what everybody in this process suffers."""
        while not (self._halt and not self._working):
            start_ns = clock()
            time.sleep(LATENESS_S)
            self._late.record(clock() - start_ns - int(LATENESS_S * 1e9))

    def _ladders(self) -> dict[str, Ladder]:
        clerks, tallies = self._clerks, self._tallies
        rejected = [clerk.rejected_calls for clerk in clerks]
        found = {
            "offer_call": ladder([*(clerk.accepted_calls for clerk in clerks), *rejected]),
            "rejection_call": ladder(rejected),
            "offer_response": ladder(clerk.responses for clerk in clerks),
            "sojourn": ladder(tally.sojourns for tally in tallies),
            "completion": ladder(tally.completions for tally in tallies),
        }
        return {name: each for name, each in found.items() if each is not None}


_counting: Final = threading.Lock()


def sustained_rate(case: Case, maker: Maker, tasks: list[Task], seconds: float = SUSTAIN_S) -> float:
    """Count what the workers finish in a second when nobody else is there: each offers its item anew when it has served it.

    The queue is half full of items that go round, so that it is neither full nor empty.
    """
    done, local, ended = [0] * case.workers, threading.local(), threading.Event()
    free = iter(range(case.workers))

    def serve(item: Any) -> None:
        number: int | None = getattr(local, "number", None)
        if number is None:
            number = local.number = next(free, 0)
        tasks[number]()
        done[number] += 1
        if not ended.is_set():
            _let_in(door, item)

    door = maker(case.capacity, case.workers, serve)

    def work() -> None:
        take = cast("Callable[[float], Any]", door.take)
        while not ended.is_set():
            with suppress(door.empty):
                door.serve(take(0.05), serve)

    threads = [_start(work) for _ in range(case.workers)] if door.take is not None else []
    for item in range(max(1, case.capacity // 2)):
        _let_in(door, item)
    time.sleep(0.05)
    finished, start_ns = sum(done), clock()
    time.sleep(seconds)
    rate = (sum(done) - finished) * 1e9 / (clock() - start_ns)
    ended.set()
    for thread in threads:
        thread.join(GRACE_S)
    door.shut()
    return rate


def _let_in(door: Door, item: int) -> None:
    """Offer until it is let in: there is room, but some queues refuse all the same now and then, when takers wait."""
    for _ in range(100):
        with suppress(door.refusal, RuntimeError):  # or an executor that was shut down
            if door.offer(item) is door.accepted:
                return
        time.sleep(TICK_S)


def jain(shares: list[int]) -> float:
    """Give Jain's index of fairness (R. Jain et al., DEC TR-301, 1984): 1 when all are equal, 1/n when one has all."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def _switches() -> tuple[int, int]:
    if sys.platform == "win32" or os.name != "posix":
        return 0, 0
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_nvcsw, usage.ru_nivcsw


def _start(target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread
