"""Put an intake under overload with real threads, and record what its callers saw.

One run: the workers' rate without producers, then producers at that rate (1x), then at a multiple of it, then eight that spin on
rejections without pause, and after each the way back to rest. Producers offer by schedule, not by answer. Everything is recorded
on the callers' side into arrays made beforehand, so that recording neither waits nor makes the memory grow, and is judged
afterwards (`overload`). An intake whose operations never return, or which lets everything in, ends the run early; it can't hang it.
"""

import random
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from tidegate_specs.check import Subject
from tidegate_specs.progress import progress

from .memory import resident_bytes

clock: Final = time.perf_counter_ns
TICK_S: Final = 0.001  # producers sleep at least this long, then offer all that is due
SAMPLE_S: Final = 0.005
RUNAWAY: Final = 4  # times the capacity: so much unfinished work ends a phase
RUNAWAY_BYTES: Final = 256 * 2**20
GREW: Final = "the process grew"
OPEN, ACCEPTED, FULL, CLOSED, STRANGE = range(5)  # in `Book.answers`
PROBLEMS_KEPT: Final = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """Say how one run goes. `seconds` of overload; the other phases have times of their own."""

    seconds: float = 10.0
    capacity: int = 64
    workers: int = 2
    producers: int = 4
    spinners: int = 8
    service_s: float = 0.001
    overload: float = 10.0
    unloaded_s: float = 1.0
    calm_s: float = 2.0
    spin_s: float = 3.0
    grace_s: float = 5.0  # after which a call that has not returned never will
    attempts: int = 3
    seed: int = 0


def _integers(length: int) -> "array[int]":
    return array("q", bytes(8 * length))


class Book:
    """Record one producer's offers in one phase. Items are the integers from `base` on, so each is offered by one call only.

    first: marks the first offer after a sleep. It meets cold caches, whatever the load, so these can be compared between loads.
    """

    __slots__ = ("accepted", "answers", "base", "begun", "closed", "ends_ns", "first", "full", "starts_ns", "strange")

    def __init__(self, base: int, length: int) -> None:
        self.base: Final = base
        self.starts_ns: Final = _integers(length)
        self.ends_ns: Final = _integers(length)
        self.answers: Final = bytearray(length)
        self.first: Final = bytearray(length)
        self.begun = self.accepted = self.full = self.closed = self.strange = 0

    def answered(self, place: int, start_ns: int, end_ns: int, answer: int) -> None:
        """Note the answer to the offer of item `base + place`."""
        self.starts_ns[place] = start_ns
        self.ends_ns[place] = end_ns
        self.answers[place] = answer
        if answer == ACCEPTED:
            self.accepted += 1
        elif answer == FULL:
            self.full += 1
        elif answer == CLOSED:
            self.closed += 1
        else:
            self.strange += 1


class Tally:
    """Record what one worker took: which item, when it asked, when it got it, when it began and ended to release."""

    __slots__ = ("asked_ns", "count", "finished_ns", "finishing", "freed_ns", "items", "released", "taken_ns")

    def __init__(self, length: int) -> None:
        self.items: Final = _integers(length)
        self.asked_ns: Final = _integers(length)
        self.taken_ns: Final = _integers(length)
        self.finished_ns: Final = _integers(length)
        self.freed_ns: Final = _integers(length)
        self.count = self.finishing = self.released = 0


@dataclass(slots=True)
class Phase:
    """Record one phase: when it was, its producers' books, how late a thread woke that slept 1 ms at a time, the resident set."""

    name: str
    start_ns: int = 0
    end_ns: int = 0
    books: list[Book] = field(default_factory=list[Book])
    late_ns: "array[int]" = field(default_factory=lambda: array("q"))
    resident: list[int] = field(default_factory=list[int])

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(slots=True)
class Record:
    """Tell all that was seen in one run.

    stuck: what did not return; the run ended there and most of the rest is empty. halted: why a phase was cut short.
    """

    plan: Plan
    phases: dict[str, Phase] = field(default_factory=dict[str, Phase])
    books: list[Book] = field(default_factory=list[Book])
    tallies: list[Tally] = field(default_factory=list[Tally])
    unloaded: list[float] = field(default_factory=list[float])
    stolen: float = 0.0
    stuck: str = ""
    halted: str = ""
    errors: list[str] = field(default_factory=list[str])
    samples: int = 0
    sampled_peak: int = 0
    problems: list[str] = field(default_factory=list[str])
    accepting_again_ns: int = -1
    idle_s: float = -1.0
    anew: list[str] = field(default_factory=list[str])
    at_rest: Any = None
    after_close: int = STRANGE


def stolen_share(slices: int = 10, slice_s: float = 0.01) -> float:
    """Measure the share of time in which this thread wants the processor and others have it, by a busy loop."""
    wall_s, cpu_s = time.perf_counter(), time.thread_time()
    for _ in range(slices):
        end_s = time.perf_counter() + slice_s
        while time.perf_counter() < end_s:
            pass
    wall_s, cpu_s = time.perf_counter() - wall_s, time.thread_time() - cpu_s
    return max(0.0, 1.0 - cpu_s / wall_s)


def returns(call: Callable[[], object], limit_s: float) -> bool:
    """Tell whether a call returns, or raises, in time. One that doesn't is left behind in a daemon thread."""
    returned = threading.Event()

    def run() -> None:
        _quietly(call)
        returned.set()

    _start(run)
    return returned.wait(limit_s)


def unloaded_rate(subject: Subject, plan: Plan) -> float:
    """Count what the workers finish in a second when nobody else is there: they offer their items anew themselves."""
    intake = subject.Intake(plan.capacity)
    for item in range(plan.capacity):
        intake.offer(item)
    tallies = [Tally(_most_taken(plan, plan.unloaded_s)) for _ in range(plan.workers)]
    stop = threading.Event()
    arguments = [(intake, subject, plan, tally, stop, True) for tally in tallies]
    threads = [_start(_quietly, _work, *each) for each in arguments]
    start_ns = clock()
    time.sleep(plan.unloaded_s)
    done, elapsed_ns = sum(tally.count for tally in tallies), clock() - start_ns
    stop.set()
    for thread in threads:
        thread.join(plan.grace_s)
    return done * 1e9 / elapsed_ns


def _quietly(target: Callable[..., object], *arguments: object) -> None:
    """End a thread without a traceback: what it failed to do is missing in what it was to record."""
    with suppress(Exception):
        target(*arguments)


def _most_taken(plan: Plan, seconds: float) -> int:
    return int(1.2 * seconds / plan.service_s) + 4 * plan.capacity


def _start(target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def _work(intake: Any, subject: Subject, plan: Plan, tally: Tally, stop: threading.Event, anew: bool) -> None:
    place, length = 0, len(tally.items)
    while place < length and not stop.is_set():
        asked_ns = clock()
        try:
            lease = intake.take(timeout=0.05)
        except subject.Empty:
            continue
        except subject.Closed:
            return
        taken_ns = clock()
        item = lease.item
        time.sleep(plan.service_s)
        tally.finishing += 1
        finished_ns = clock()
        released = lease.release()
        tally.freed_ns[place] = clock()
        tally.items[place] = item
        tally.asked_ns[place] = asked_ns
        tally.taken_ns[place] = taken_ns
        tally.finished_ns[place] = finished_ns
        tally.released += released is True
        place += 1
        tally.count = place
        if anew:
            intake.offer(item)


class Run:
    """Drive one run on one intake."""

    def __init__(self, subject: Subject, plan: Plan) -> None:
        self.record = Record(plan)
        self._plan = plan
        self._subject = subject
        self._intake: Any = subject.Intake(plan.capacity)
        self._codes = {subject.Outcome.ACCEPTED: ACCEPTED, subject.Outcome.FULL: FULL, subject.Outcome.CLOSED: CLOSED}
        self._random = random.Random(plan.seed)
        self._next_item = 1000  # beyond the small integers that are never freed
        self._phase = Phase("none")
        self._stop_workers = threading.Event()
        self._stop_watching = threading.Event()
        self._halt = False
        self._spin = False
        total_s = plan.seconds + plan.calm_s + plan.spin_s + 2 * plan.grace_s
        self.record.tallies = [Tally(_most_taken(plan, total_s)) for _ in range(plan.workers)]
        self._own = self._book(200_000)

    def drive(self) -> Record:
        """Go through all phases."""
        record, plan = self.record, self._plan
        record.stolen = stolen_share()
        if not self._offer_returns():
            return record
        record.unloaded.append(unloaded_rate(self._subject, plan))
        workers = [
            _start(self._guarded, _work, self._intake, self._subject, plan, tally, self._stop_workers, False)
            for tally in record.tallies
        ]
        watchers = [_start(self._guarded, self._watch), _start(self._guarded, self._be_late)]
        try:
            self._go_through_phases()
        finally:
            self.abandon()
        for thread in workers:
            thread.join(plan.grace_s)
        for thread in watchers:
            thread.join(plan.grace_s)
        if any(thread.is_alive() for thread in workers):
            record.stuck = record.stuck or f"take or release did not return within {plan.grace_s:g} s"
        if not record.stuck and not returns(partial(self._guarded, self._rest), plan.grace_s):
            record.stuck = f"an operation on the rested intake did not return within {plan.grace_s:g} s"
        if not record.stuck:
            record.unloaded.append(unloaded_rate(self._subject, plan))
            record.stolen = max(record.stolen, stolen_share())
        return record

    def abandon(self) -> None:
        """Tell all threads of the run to end."""
        self._halt, self._spin = True, False
        self._stop_workers.set()
        self._stop_watching.set()

    def _go_through_phases(self) -> None:
        plan, record = self._plan, self.record
        rate = record.unloaded[0]
        if not self._scheduled("1x", rate, plan.calm_s):
            return
        self._wait_until_idle()
        if not self._scheduled("overload", rate * plan.overload, plan.seconds):
            return
        self._wait_until_accepting()
        self._wait_until_idle()
        record.unloaded.append(unloaded_rate(self._subject, plan))
        if not record.halted and self._spinning():
            self._wait_until_idle()

    # Producers.

    def _book(self, length: int) -> Book:
        book = Book(self._next_item, length)
        self._next_item += length
        self.record.books.append(book)
        return book

    def _scheduled(self, name: str, rate: float, seconds: float) -> bool:
        """Have producers offer by schedule. True when all of them came to their end."""
        producers = self._plan.producers
        period_ns = int(1e9 * producers / max(rate, 1.0))
        length = int(seconds * 1e9 / period_ns) + 1
        books = [self._book(length) for _ in range(producers)]
        shifts = [int(period_ns * (place + self._random.random()) / producers) for place in range(producers)]
        phase = self._begin(name, books)
        end_ns = phase.start_ns + int(seconds * 1e9)
        threads = [
            _start(self._guarded, self._offer_by_schedule, book, phase.start_ns + shift, period_ns, end_ns)
            for book, shift in zip(books, shifts, strict=True)
        ]
        return self._finish(phase, threads, end_ns)

    def _offer_by_schedule(self, book: Book, due_ns: int, period_ns: int, end_ns: int) -> None:
        offer, codes = self._intake.offer, self._codes
        for place in range(len(book.answers)):
            now_ns = clock()
            while now_ns < due_ns:
                time.sleep(max(TICK_S, (due_ns - now_ns) / 1e9))
                now_ns = clock()
                book.first[place] = True
            if self._halt or now_ns >= end_ns:
                return
            due_ns += period_ns
            item = book.base + place
            book.begun += 1
            start_ns = clock()
            answer = offer(item)
            end_of_call_ns = clock()
            book.answered(place, start_ns, end_of_call_ns, codes.get(answer, STRANGE))

    def _spinning(self) -> bool:
        """Have producers offer as fast as they can. True when all of them came to their end."""
        plan = self._plan
        length = int(2 * plan.spin_s * self.record.unloaded[0]) + RUNAWAY * plan.capacity
        books = [self._book(length) for _ in range(plan.spinners)]
        phase = self._begin("spinning", books)
        end_ns = phase.start_ns + int(plan.spin_s * 1e9)
        self._spin = True
        threads = [_start(self._guarded, self._offer_without_pause, book) for book in books]
        while clock() < end_ns and not self._halt:
            time.sleep(0.02)
        self._spin = False
        return self._finish(phase, threads, end_ns)

    def _offer_without_pause(self, book: Book) -> None:
        """Offer as fast as it goes. Only the answers that let an item in are stamped; the refused item is offered again."""
        offer, codes, full = self._intake.offer, self._codes, self._subject.Outcome.FULL
        length = len(book.answers)
        since_ns, place = clock(), 0
        while self._spin and place < length:
            item = book.base + place
            book.begun += 1
            answer = offer(item)
            if answer is full:
                book.full += 1
            else:
                now_ns = clock()
                book.answered(place, since_ns, now_ns, codes.get(answer, STRANGE))
                since_ns = now_ns
                place += 1

    def _offer_own(self, place: int) -> int:
        """Offer one item from this thread, and give the answer's code."""
        book = self._own
        book.begun += 1
        start_ns = clock()
        answer = self._codes.get(self._intake.offer(book.base + place), STRANGE)
        book.answered(place, start_ns, clock(), answer)
        return answer

    def _offer_returns(self) -> bool:
        """Try, on an intake of its own, whether an offer to a full one returns at all; if not there is nothing more to see."""

        def fill_and_offer() -> None:
            intake = self._subject.Intake(2)
            for item in range(4):
                intake.offer(item)

        if returns(fill_and_offer, self._plan.grace_s):
            return True
        self.record.stuck = f"offer did not return within {self._plan.grace_s:g} s"
        return False

    def _begin(self, name: str, books: Sequence[Book]) -> Phase:
        progress(f"{name}: {self._plan.capacity} slots, {self._plan.workers} workers")
        phase = Phase(name, books=list(books), start_ns=clock() + 2_000_000)
        self.record.phases[name] = self._phase = phase
        self._halt = False
        return phase

    def _finish(self, phase: Phase, threads: Sequence[threading.Thread], end_ns: int) -> bool:
        while clock() < end_ns and not self._halt:
            time.sleep(min(0.02, max(0, end_ns - clock()) / 1e9))
            progress(f"{phase.name}: {(clock() - phase.start_ns) / 1e9:.0f} s")
        phase.end_ns = min(clock(), end_ns)
        deadline_s = time.monotonic() + self._plan.grace_s
        for thread in threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        self._phase = Phase("none")
        if any(thread.is_alive() for thread in threads):
            self.record.stuck = f"offer did not return within {self._plan.grace_s:g} s after the end of {phase.name}"
            return False
        return True

    def _guarded(self, target: Callable[..., None], *arguments: object) -> None:
        try:
            target(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever the intake raises is a finding, not an end of the run
            self._note(self.record.errors, f"{getattr(target, '__name__', 'call')}: {type(error).__name__}: {error}")

    # Watchers.

    def _note(self, where: list[str], text: str) -> None:
        if len(where) < PROBLEMS_KEPT:
            where.append(text)

    def _watch(self) -> None:
        """Read statistics all the time, and hold them against what callers have seen before and after the reading."""
        first_bytes, turn = resident_bytes(), 0
        while not self._stop_watching.wait(SAMPLE_S):
            self._compare()
            turn += 1
            if turn % 4 == 0:
                held_bytes = resident_bytes()
                if held_bytes is not None and first_bytes is not None:
                    self._phase.resident.append(held_bytes)
                    if held_bytes - first_bytes > RUNAWAY_BYTES:
                        self._stop_phase(f"{GREW} by {RUNAWAY_BYTES >> 20} MiB")
            # Accepted is read first: what had been accepted by then, less all that began to be finished until now, is unfinished.
            accepted = sum(book.accepted for book in self.record.books)
            unfinished = accepted - sum(tally.finishing for tally in self.record.tallies)
            if unfinished > RUNAWAY * self._plan.capacity:
                self._stop_phase(f"{unfinished} accepted items were unfinished")

    def _stop_phase(self, reason: str) -> None:
        if self._phase.name != "none":
            self.record.halted = self.record.halted or f"{self._phase.name} was ended: {reason}"
        self._halt = True
        self._spin = False

    def _compare(self) -> None:
        record, books = self.record, self.record.books
        accepted_before = sum(book.accepted for book in books)
        refused_before = sum(book.full + book.closed + book.strange for book in books)
        now = self._intake.statistics()
        begun_after = sum(book.begun for book in books)
        record.samples += 1
        held = now.queued + now.in_flight
        record.sampled_peak = max(record.sampled_peak, held)
        rules = {
            "free + queued + in flight = capacity": now.free + held == now.capacity == self._plan.capacity,
            "accepted = queued + in flight + released + abandoned": now.accepted == held + now.released + now.abandoned,
            "accepted is within what callers saw": accepted_before <= now.accepted <= begun_after - refused_before,
            "full + closed is within what callers saw": refused_before <= now.full + now.closed <= begun_after - accepted_before,
        }
        seen = f"callers: accepted {accepted_before}, refused {refused_before} before, begun {begun_after} after"
        for rule, holds in rules.items():
            if not holds:
                self._note(record.problems, f"not {rule}: {now}; {seen}")

    def _be_late(self) -> None:
        """Sleep 1 ms at a time and note how much longer it took: the scheduling noise that everybody in this process suffers."""
        while not self._stop_watching.is_set():
            phase, start_ns = self._phase, clock()
            time.sleep(TICK_S)
            phase.late_ns.append(clock() - start_ns - int(TICK_S * 1e9))

    # The way back to rest.

    def _wait_until_accepting(self) -> None:
        """Measure how long after the last excess offer one is accepted again."""
        last_ns = max((max(book.ends_ns, default=0) for book in self.record.phases["overload"].books), default=clock())
        deadline_s = time.monotonic() + self._plan.grace_s
        while time.monotonic() < deadline_s and self._own.begun < len(self._own.answers):
            if self._offer_own(self._own.begun) == ACCEPTED:
                self.record.accepting_again_ns = max(0, clock() - last_ns)
                return
            time.sleep(TICK_S / 4)

    def _wait_until_idle(self) -> None:
        plan, start_s = self._plan, time.monotonic()
        self.record.idle_s = -1.0
        while time.monotonic() - start_s < plan.grace_s:
            if self._intake.statistics().free == plan.capacity:
                self.record.idle_s = time.monotonic() - start_s
                return
            time.sleep(TICK_S)

    def _rest(self) -> None:
        """With all workers gone: is it as good as new, is the ledger exact, and does it close?"""
        record, plan, own = self.record, self._plan, self._own
        if record.idle_s >= 0:
            first = own.begun
            answers = [self._offer_own(first + place) for place in range(plan.capacity + 1)]
            if answers != [ACCEPTED] * plan.capacity + [FULL]:
                accepted = answers.count(ACCEPTED)
                record.anew.append(f"of {plan.capacity + 1} offers to the rested intake {accepted} were accepted")
            tally = Tally(plan.capacity)
            record.tallies.append(tally)
            self._take_all(tally)
            expected = [own.base + first + place for place in range(plan.capacity)]
            if list(tally.items[: tally.count]) != expected:
                record.anew.append("the rested intake gave other items, or in another order")
        record.at_rest = self._intake.statistics()
        self._intake.close()
        record.after_close = self._codes.get(self._intake.offer(0), STRANGE)

    def _take_all(self, tally: Tally) -> None:
        for place in range(len(tally.items)):
            asked_ns = clock()
            try:
                lease = self._intake.take(timeout=0)
            except self._subject.Empty:
                return
            tally.taken_ns[place] = clock()
            tally.asked_ns[place] = asked_ns
            tally.items[place] = lease.item
            tally.finishing += 1
            tally.finished_ns[place] = clock()
            tally.released += lease.release() is True
            tally.freed_ns[place] = clock()
            tally.count = place + 1


def run_load(subject: Subject, plan: Plan) -> Record:
    """Do one run, and give what was seen. It ends even if some operation of the intake never does."""
    run = Run(subject, plan)
    active_s = 3 * plan.unloaded_s + plan.calm_s + plan.seconds + plan.spin_s

    def drive() -> None:
        try:
            run.drive()
        except Exception as error:  # noqa: BLE001 - likewise a finding
            run.record.errors.append(f"{type(error).__name__}: {error}")

    if not returns(drive, active_s + 8 * plan.grace_s):
        run.abandon()
        run.record.stuck = run.record.stuck or "an operation of the intake did not return"
    return run.record
