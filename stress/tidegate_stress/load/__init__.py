"""Put an intake under overload with real threads, and record what its callers saw.

One run: the workers' rate without producers, then producers at that rate (1x), then at a multiple of it, then eight that spin on
rejections without pause, and after each the way back to rest. Producers offer by schedule, not by answer. Everything is recorded
on the callers' side into arrays made beforehand, so that recording neither waits nor makes the memory grow, and is judged
afterwards (`overload`). An intake whose operations never return, or which lets everything in, ends the run early; it can't hang it.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from tidegate_specs.check import Subject
from tidegate_specs.progress import progress

from ..memory import resident_bytes
from .record import ACCEPTED, CLOSED, FULL, GREW, STRANGE, Book, Phase, Plan, Record, Tally
from .unloaded import clock, most_taken, returns, start, stolen_share, unloaded_rate, work

TICK_S: Final = 0.001  # producers sleep at least this long, then offer all that is due
SAMPLE_S: Final = 0.005
RUNAWAY: Final = 4  # times the capacity: so much unfinished work ends a phase
RUNAWAY_BYTES: Final = 256 * 2**20
PROBLEMS_KEPT: Final = 10


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
        self.record.tallies = [Tally(most_taken(plan, total_s)) for _ in range(plan.workers)]
        self._own = self._book(200_000)

    def drive(self) -> Record:
        """Go through all phases."""
        record, plan = self.record, self._plan
        record.stolen = stolen_share()
        if not self._offer_returns():
            return record
        record.unloaded.append(unloaded_rate(self._subject, plan))
        workers = [
            start(self._guarded, work, self._intake, self._subject, plan, tally, self._stop_workers, False)
            for tally in record.tallies
        ]
        watchers = [start(self._guarded, self._watch), start(self._guarded, self._be_late)]
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
            start(self._guarded, self._offer_by_schedule, book, phase.start_ns + shift, period_ns, end_ns)
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
        threads = [start(self._guarded, self._offer_without_pause, book) for book in books]
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
