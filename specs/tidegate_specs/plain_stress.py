"""Ordinary stress: free threads on a small intake, thousands of rounds, exact books after each, and no control over who runs when.

It is what one would write without an explorer, with what usually helps: a fresh intake for each round, threads that start together,
a switch interval far below the usual one, serial numbers as items. In the kill matrix it is run on the mutants that are races; what
lives there is the argument for exploring schedules instead. What it finds is a fault; that it finds none means little.
"""

import queue
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, final

from .check import Check, Result, Settings, Subject, Verdict
from .progress import progress

PRODUCERS: Final = 3
TAKERS: Final = 2
OFFERS: Final = 10  # of each producer, in a round
LARGEST_CAPACITY: Final = 3
SWITCH_INTERVAL_S: Final = 1e-5  # lower ones give fewer rounds, and find less
LATEST_CLOSE_S: Final = 0.0003
LOOK_AGAIN_S: Final = 0.0001
ROUND_LIMIT_S: Final = 10.0  # a round takes milliseconds
KINDS: Final = (("close", False), ("drain", False), ("close", True), ("none", False))  # how rounds end; are leases dropped unseen?
COUNTS: Final = ("accepted", "full", "closed", "released", "abandoned", "peak")

Item = tuple[int, int]  # producer, serial number


@final
@dataclass(slots=True)
class Round:
    """Hold one round: its intake, and the books that its threads keep. Appending to a list is one step, so no lock is needed."""

    subject: Subject
    intake: Any
    ending: str
    puts_back: bool
    chance: random.Random
    produced: list[None] = field(default_factory=list[None])  # one for each producer that ended
    offered: list[tuple[Item, str]] = field(default_factory=list[tuple[Item, str]])
    held: list[None] = field(default_factory=list[None])  # one for each lease that was looked at and not let go yet
    sequences: list[list[Item]] = field(default_factory=lambda: [[] for _ in range(TAKERS)])  # what each taker saw
    taken: list[None] = field(default_factory=list[None])  # one for each lease released, by at least one thread
    released: list[None] = field(default_factory=list[None])  # one for each release that was answered True
    abandoned: list[None] = field(default_factory=list[None])
    drained: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # a drain's answer, and what was accepted by then
    handed: "queue.SimpleQueue[Any]" = field(default_factory=queue.SimpleQueue[Any])
    over: bool = False  # all but the releaser and the reader have ended
    faults: list[str] = field(default_factory=list[str])

    def produce(self, number: int) -> None:
        """Offer serial numbers until all are offered or the intake is closed."""
        for serial in range(OFFERS):
            answer = self.intake.offer((number, serial)).name
            self.offered.append(((number, serial), answer))
            if answer == "CLOSED":
                break
        self.produced.append(None)

    def work(self, number: int) -> None:
        """Take until nothing more can come. Release, drop, or hand each lease to the releaser and release it at the same time."""
        chance = random.Random(self.chance.random() + number)
        seen = self.sequences[number]
        while True:
            lease = self._take()
            if lease is None:
                return
            fate = chance.randrange(8)
            if self.puts_back and fate < 2:
                del lease  # nobody looked: the item goes back
                continue
            seen.append(lease.item)
            self.held.append(None)
            if len(self.held) > self.intake.capacity:
                self.faults.append(f"{len(self.held)} items are held, and the capacity is {self.intake.capacity}")
            if chance.randrange(4) == 0:
                time.sleep(0)  # the work
            self.held.pop()
            if fate in (2, 3):
                self.abandoned.append(None)
                del lease
                continue
            self.taken.append(None)
            if fate in (4, 5):
                self.handed.put(lease)
            self._release(lease)

    def _take(self) -> Any:
        """Give a lease, or None when nothing more can come. No short time-outs: up to 3.12 they can wait without limit."""
        while True:
            try:
                return self.intake.take(0 if self.ending == "none" else None)
            except self.subject.Closed:
                return None
            except self.subject.Empty:
                if len(self.produced) == PRODUCERS and not self.intake.statistics().queued:
                    return None
                time.sleep(LOOK_AGAIN_S)

    def _release(self, lease: Any) -> None:
        if lease.release():
            self.released.append(None)

    def release_too(self) -> None:
        """Release what takers hand over, while they do it themselves."""
        while (lease := self.handed.get()) is not None:
            self._release(lease)

    def close(self) -> None:
        """End the round from outside, at a moment of its own."""
        time.sleep(self.chance.random() * LATEST_CLOSE_S)
        if self.ending == "close":
            self.intake.close()
        elif self.ending == "drain":
            left = self.intake.drain()
            self.drained.append((left, self.intake.statistics().accepted))

    def read(self) -> None:
        """Read statistics all the time: each must add up, and no count ever goes down."""
        before = dict.fromkeys(COUNTS, 0)
        while not self.over:
            found = self.intake.statistics()
            wrong = books(found)
            if wrong:
                self.faults.append(wrong)
            now = {name: getattr(found, name) for name in COUNTS}
            if any(now[name] < before[name] for name in COUNTS):
                self.faults.append(f"a count went down: {before}, then {now}")
            before = now

    def verdict(self) -> str:
        """Name what is wrong after the round, or give ""."""
        if self.faults:
            return self.faults[0]
        answers = Counter(answer for _, answer in self.offered)
        accepted = Counter(item for item, answer in self.offered if answer == "ACCEPTED")
        seen = Counter(item for sequence in self.sequences for item in sequence)
        if seen != accepted:
            return f"accepted and never taken: {list(accepted - seen)}; taken twice, or never accepted: {list(seen - accepted)}"
        for sequence in [] if self.puts_back else self.sequences:
            for producer in range(PRODUCERS):
                own = [item for item in sequence if item[0] == producer]
                if own != sorted(own):
                    return f"taken out of order: {own}"
        if len(self.released) != len(self.taken):
            return f"{len(self.taken)} leases were released, and {len(self.released)} releases answered True"
        found = self.intake.statistics()
        expected = {
            "free": self.intake.capacity,
            "accepted": answers["ACCEPTED"],
            "full": answers["FULL"],
            "closed": answers["CLOSED"],
            "released": len(self.released),
            "abandoned": len(self.abandoned),
        }
        wrong = [
            f"{name} is {getattr(found, name)}, not {value}" for name, value in expected.items() if getattr(found, name) != value
        ]
        if wrong or books(found):
            return f"statistics afterwards: {', '.join(wrong)} {books(found)}"
        for left, known in self.drained:
            if left or known != accepted.total():
                return f"drain answered {left} when {known} were accepted; in the end {accepted.total()} were"
        return self._as_good_as_new()

    def _as_good_as_new(self) -> str:
        capacity = self.intake.capacity
        answers = [self.intake.offer(None).name for _ in range(capacity + 1)]
        expected = ["ACCEPTED"] * capacity + ["FULL"] if self.ending == "none" else ["CLOSED"] * (capacity + 1)
        return "" if answers == expected else f"{capacity + 1} offers afterwards were answered {answers}"


def books(found: Any) -> str:
    """Say how a reading of statistics does not add up, or give ""."""
    unfinished = found.queued + found.in_flight
    right = (
        min(found.free, found.queued, found.in_flight, *(getattr(found, name) for name in COUNTS)) >= 0
        and found.free + unfinished == found.capacity
        and found.accepted == unfinished + found.released + found.abandoned
        and unfinished <= found.peak <= found.capacity
    )
    return "" if right else f"statistics do not add up: {found}"


@final
class Crew:
    """Keep the threads, which wait between rounds and start each round together."""

    def __init__(self) -> None:
        self.roles: Final[dict[str, Callable[[Round], None]]] = {
            **{f"producer {number}": partial(Round.produce, number=number) for number in range(PRODUCERS)},
            **{f"taker {number}": partial(Round.work, number=number) for number in range(TAKERS)},
            "closer": Round.close,
            "releaser": Round.release_too,
            "reader": Round.read,
        }
        self.together: Final = threading.Barrier(len(self.roles))
        self.ended: Final[queue.SimpleQueue[str]] = queue.SimpleQueue()
        self.work: Final[dict[str, queue.SimpleQueue[Round | None]]] = {role: queue.SimpleQueue() for role in self.roles}
        for role in self.roles:
            threading.Thread(target=self._live, args=(role,), name=role, daemon=True).start()

    def _live(self, role: str) -> None:
        while (round_ := self.work[role].get()) is not None:
            self.together.wait()
            try:
                self.roles[role](round_)
            except BaseException as error:  # noqa: BLE001 - whatever an operation raises is a fault
                round_.faults.append(f"{role}: {type(error).__name__}: {error}")
            self.ended.put(role)

    def play(self, round_: Round) -> str:
        """Have every thread play its part in a round. Name those that did not end, or give ""."""
        for work in self.work.values():
            work.put(round_)
        late = {"releaser", "reader"}
        hang = self._await(set(self.roles) - late)
        round_.over = True
        round_.handed.put(None)
        return hang or self._await(late)

    def _await(self, roles: set[str]) -> str:
        deadline_s = time.monotonic() + ROUND_LIMIT_S
        with suppress(queue.Empty):
            while roles:
                roles.discard(self.ended.get(timeout=max(0.0, deadline_s - time.monotonic())))
        return ", ".join(sorted(roles))

    def dismiss(self) -> None:
        """Let the threads end, except those that hang."""
        for work in self.work.values():
            work.put(None)


@contextmanager
def switching_often() -> Generator[None]:
    """Have the interpreter switch threads much more often than usual."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


def stress(subject: Subject, seconds: float, seed: int = 0) -> tuple[int, str]:
    """Play rounds for so many seconds, or up to the first fault. Give how many there were, and the fault or ""."""
    chance = random.Random(seed)
    crew = Crew()
    number = 0
    deadline_s = time.monotonic() + seconds
    try:
        with switching_often():
            while time.monotonic() < deadline_s:
                ending, puts_back = KINDS[number % len(KINDS)]
                capacity = 1 + number // len(KINDS) % LARGEST_CAPACITY
                number += 1
                round_ = Round(subject, subject.Intake(capacity), ending, puts_back, chance)
                hang = crew.play(round_)
                fault = f"{hang} did not end within {ROUND_LIMIT_S:g} s" if hang else round_.verdict()
                if fault:
                    return number, f"round {number}, capacity {capacity}, ending {ending}: {fault}"
                progress(f"{number:,} rounds")
    finally:
        crew.dismiss()
    return number, ""


def _check(subject: Subject, settings: Settings) -> Result:
    seconds = 10.0 if settings.profile == "full" else 1.0
    rounds, fault = stress(subject, seconds, settings.seed)
    threads = PRODUCERS + TAKERS + 3
    evidence = f"{rounds:,} rounds of {threads} threads"
    return Result(Verdict.ILLEGAL if fault else Verdict.OK, evidence, fault)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="stress.plain",
        group="stress",
        tool="plain stress",
        clauses=("BOUND-1", "LOCAL-1", "LEASE-1", "CLOSE-1", "CLOSE-2", "LEDGER-1"),
        shows="producers, takers, a releaser, a closer and a reader run as they like, for a second (ten in profile full): all "
        "counts are exact after every round",
        shows_not="That there is no race: many planted races are not found in this way. More than 3 slots, 3 producers and "
        "2 takers. Intakes that were used for long.",
        run=_check,
        limit_s=(60.0, 120.0),
    ),
)
