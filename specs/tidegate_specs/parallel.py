"""Stress with threads that are truly parallel, which only a free-threaded build has: as many as there are processors.

Each thread offers, takes and releases on one small intake, a fixed number of times; one of them closes it in the end, and all take
what is left. Afterwards the books must be exact. With a GIL only one thread runs at any time and the explorer decides more, so
there the gate leaves this out. That nothing is found means little, as with all stress; but of the races without a GIL, inside one
call into C, no explorer of bytecode sees anything.
"""

import queue
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, final

from .builds import cores, gil_is_on
from .check import Check, Result, Settings, Subject, Verdict
from .plain_stress import books
from .progress import progress

CAPACITIES: Final = (1, 2, 64)
THREADS: Final = max(2, cores())
ROUNDS: Final = {"quick": 400, "full": 4_000}
OPERATIONS: Final = 1_000  # of each thread, in a round
LOOK_EVERY: Final = 64
ROUND_LIMIT_S: Final = 20.0  # a round takes a fraction of a second

Item = tuple[int, int]  # thread, serial number


@final
@dataclass(slots=True)
class Own:
    """Keep the books of one thread, which nobody else writes."""

    answers: Counter[str] = field(default_factory=Counter[str])
    accepted: list[Item] = field(default_factory=list[Item])
    taken: list[Item] = field(default_factory=list[Item])
    released: int = 0  # answers True
    faults: list[str] = field(default_factory=list[str])


@final
class Round:
    """Hold one intake, and the books of the threads on it."""

    def __init__(self, subject: Subject, capacity: int, operations: int) -> None:
        self.subject: Final = subject
        self.operations: Final = operations
        self.intake: Final[Any] = subject.Intake(capacity)
        self.together: Final = threading.Barrier(THREADS)
        self.own: Final = [Own() for _ in range(THREADS)]
        self.held: Final[list[None]] = []  # one for each lease in hand; appending and popping are atomic on every build
        self.shared: Final[queue.SimpleQueue[Any]] = queue.SimpleQueue()  # leases that somebody else releases at the same time
        self.closed: Final[list[None]] = []

    def run(self) -> str:
        """Play the round; name what is wrong, or give ""."""
        threads = [threading.Thread(target=self._live, args=(me,), daemon=True) for me in range(THREADS)]
        for thread in threads:
            thread.start()
        deadline_s = time.monotonic() + ROUND_LIMIT_S
        for thread in threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        late = sum(thread.is_alive() for thread in threads)
        faults = [fault for own in self.own for fault in own.faults]
        faults += [f"{late} of {THREADS} threads did not end within {ROUND_LIMIT_S:g} s"] if late else []
        return faults[0] if faults else self._verdict()

    def _live(self, me: int) -> None:
        own = self.own[me]
        self.together.wait()
        try:
            for serial in range(self.operations):
                self._offer(own, (me, serial))
                if serial % 2:  # twice as many offers as takes: it is overloaded
                    with suppress(self.subject.Empty, self.subject.Closed):
                        self._finish(own, self.intake.take(timeout=0))
                if serial % LOOK_EVERY == 0 and (wrong := books(self.intake.statistics())):
                    own.faults.append(wrong)
            if me == 0:
                self.intake.close()
                self.closed.append(None)
            with suppress(self.subject.Closed):
                while True:
                    self._finish(own, self.intake.take())
        except BaseException as error:  # noqa: BLE001 - whatever an operation raises is a fault
            own.faults.append(f"{type(error).__name__}: {error}")
            self.intake.close()  # or the others would wait on

    def _offer(self, own: Own, item: Item) -> None:
        closed = bool(self.closed)
        answer = self.intake.offer(item).name
        own.answers[answer] += 1
        if answer == "ACCEPTED":
            own.accepted.append(item)
            if closed:
                own.faults.append(f"{item} was accepted after close had returned")

    def _finish(self, own: Own, lease: Any) -> None:
        self.held.append(None)
        if len(self.held) > self.intake.capacity:
            own.faults.append(f"{len(self.held)} items are held, and the capacity is {self.intake.capacity}")
        own.taken.append(lease.item)
        self.held.pop()
        if own.taken[-1][1] % 4 == 0:
            self.shared.put(lease)
        own.released += lease.release()
        with suppress(queue.Empty):
            own.released += self.shared.get_nowait().release()

    def _verdict(self) -> str:
        accepted = Counter(item for own in self.own for item in own.accepted)
        taken = Counter(item for own in self.own for item in own.taken)
        if taken != accepted:
            return f"accepted and never taken: {[*accepted - taken][:9]}; taken twice, or never accepted: {[*taken - accepted][:9]}"
        for own in self.own:
            for producer in range(THREADS):
                serials = [serial for thread, serial in own.taken if thread == producer]
                if serials != sorted(serials):
                    return f"items of thread {producer} were taken out of order"
        return self._ledger(accepted.total())

    def _ledger(self, accepted: int) -> str:
        answers = sum((own.answers for own in self.own), Counter[str]())
        found = self.intake.statistics()
        expected = {
            "free": self.intake.capacity,
            "accepted": accepted,
            "full": answers["FULL"],
            "closed": answers["CLOSED"],
            "released": sum(own.released for own in self.own),
            "abandoned": 0,
        }
        told = {name: getattr(found, name) for name in expected}
        wrong = [f"{name} is {told[name]}, not {value}" for name, value in expected.items() if told[name] != value]
        if wrong or answers.total() != THREADS * self.operations:
            return f"statistics afterwards: {', '.join(wrong)}; {answers.total()} offers were answered"
        left = self.intake.drain(timeout=0)
        return books(found) or (f"{left} are left after all was released" if left else "")


def stress(subject: Subject, capacity: int, rounds: int, operations: int = OPERATIONS) -> tuple[int, str]:
    """Play so many rounds, or up to the first fault. Give how many there were, and the fault or ""."""
    for number in range(1, rounds + 1):
        progress(f"capacity {capacity}, round {number} of {rounds}")
        if fault := Round(subject, capacity, operations).run():
            return number, f"capacity {capacity}, round {number}: {fault}"
    return rounds, ""


def judge(subject: Subject, capacity: int, rounds: int) -> Result:
    """Judge a subject by so many rounds. UNKNOWN where the threads were not parallel."""
    played, fault = stress(subject, capacity, rounds)
    evidence = f"{played:,} rounds of {THREADS} parallel threads, {THREADS * OPERATIONS:,} offers each"
    if fault:
        return Result(Verdict.ILLEGAL, evidence, fault)
    if gil_is_on():
        return Result(Verdict.UNKNOWN, f"{evidence}, with the GIL on", "the GIL is on: the threads took turns")
    if cores() < THREADS:
        return Result(Verdict.UNKNOWN, evidence, "there is one processor only: the threads took turns")
    return Result(Verdict.OK, f"{evidence}, the GIL off at the end")


def _check(capacity: int, subject: Subject, settings: Settings) -> Result:
    return judge(subject, capacity, ROUNDS[settings.profile])


CHECKS: Final[tuple[Check, ...]] = tuple(
    Check(
        name=f"parallel.capacity-{capacity}",
        group="parallel",
        tool="parallel stress",
        clauses=("BOUND-1", "BOUND-2", "LOCAL-1", "LEASE-1", "CLOSE-1", "CLOSE-2", "LEDGER-1"),
        shows="As many threads as there are processors, without a GIL, offer, take, release and close: exact books after a round.",
        shows_not="That there is no race: it tries the moments that come by themselves, on one kind of processor.",
        run=partial(_check, capacity),
        limit_s=(60.0, 300.0),
    )
    for capacity in CAPACITIES
)
