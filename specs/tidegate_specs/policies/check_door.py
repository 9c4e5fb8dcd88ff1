"""What is said at the door: bursts, loads that stand, loads that end; and what a refusal costs.

Time is simulated: workers that take a stated time for each item, and a clock that is moved from one event to the next. So a trace
of seconds takes a millisecond, and the same seed gives the same traces.
"""

import gc
import heapq
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, final

from ..check import Check, Result, Settings, Subject, Verdict
from ..refinement.observed import Item
from .clauses import fresh_3, fresh_4, policy_2, policy_3, policy_5
from .support import GROUP, PATIENCE_S, Clock, module_of, shed_of

BURSTS: Final = {"quick": 200, "full": 100_000}
REFUSALS: Final = {"quick": 50_000, "full": 1_000_000}
IN_TIME: Final = 0.95  # of what could be finished: its share that is, within twice the patience
DOUBLED: Final = 2  # intervals until what was measured no longer counts


@final
@dataclass(slots=True)
class Simulation:
    """Workers at an intake, by a clock of their own.

    busy: when each worker at work will be free, and its lease. answers: by their names. finished: ages of items when their work
    ended. stale: items handed out that were older than their patience.
    """

    subject: Subject
    capacity: int
    patience_s: float
    workers: int
    service_s: float
    clock: Clock = field(default_factory=Clock)
    intake: Any = None
    busy: list[tuple[float, int, Any, float]] = field(default_factory=list[tuple[float, int, Any, float]])
    answers: Counter[str] = field(default_factory=Counter[str])
    finished: list[float] = field(default_factory=list[float])
    stale: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        self.intake = module_of(self.subject).FreshIntake(self.capacity, self.patience_s, clock=self.clock)

    def offer(self, at: float) -> Any:
        """Let time go on until then, and offer."""
        self.until(at)
        answer = self.intake.offer(at)
        self.answers[answer.name] += 1
        self._begin()
        return answer

    def until(self, at: float) -> None:
        """Let workers work until then."""
        while self.busy and self.busy[0][0] <= at:
            end, _, lease, offered_at = heapq.heappop(self.busy)
            self.clock.now = end
            lease.release()
            self.finished.append(end - offered_at)
            self._begin()
        self.clock.now = at

    def _begin(self) -> None:
        while len(self.busy) < self.workers:
            try:
                lease = self.intake.take(timeout=0)
            except self.subject.Empty:
                return
            offered_at = lease.item
            self.stale += self.clock.now - offered_at > self.patience_s
            self.number += 1
            heapq.heappush(self.busy, (self.clock.now + self.service_s, self.number, lease, offered_at))


def burst(subject: Subject, chance: random.Random) -> tuple[int, str]:
    """Offer a burst shorter than the interval to an intake without a queue. Gives how many were LATE, and what was tried."""
    patience_s = chance.choice((0.05, 0.2, 1.0))
    workers, capacity = chance.randint(1, 4), chance.choice((4, 16, 64))
    service_s = patience_s * chance.choice((0.01, 0.1, 0.3, 0.9, 3.0))
    run = Simulation(subject, capacity, patience_s, workers, service_s)
    at, interval_s = chance.uniform(0, 100), patience_s / 2
    for _ in range(chance.randint(0, 3)):  # earlier loads, each followed by a calm until no queue is left
        for _ in range(chance.randint(1, 4 * capacity)):
            run.offer(at)
            at += chance.expovariate(3 * workers / service_s)
        while run.intake.statistics().queued:
            at += service_s / 8
            run.until(at)
        at += chance.choice((0.0, 0.0, interval_s, 100 * patience_s))
    run.until(at)
    before, begun, stalled = run.answers["LATE"], at, chance.randint(0, 3)
    for number in range(chance.randint(1, 2 * capacity)):
        run.workers = 0 if number < stalled else workers  # they may come late
        run.offer(at)
        at = min(at + chance.expovariate(4 * capacity / interval_s), begun + 0.999 * interval_s)
    shed = run.answers["LATE"] - before
    return shed, f"FreshIntake({capacity}, {patience_s:g}), {workers} workers of {service_s:g} s each, from {begun:.3f} s on"


def _bursts(subject: Subject, settings: Settings) -> Result:
    shed, witness, traces = 0, "", 0
    for traces in range(1, BURSTS[settings.profile] + 1):
        late, tried = burst(subject, random.Random(f"{settings.seed} {traces}"))
        shed += late
        if late:
            witness = f"{late} offers of a burst were LATE: {tried}"
            break
    evidence = f"{traces:,} bursts shorter than the interval: {shed} offers LATE"
    return Result(Verdict.OK if fresh_3(traces, shed) else Verdict.ILLEGAL, evidence, witness, ("FRESH-3",) if shed else ())


ROWS: Final = ((16, 0.01, 3.0), (64, 0.01, 3.0), (16, 0.04, 12.0), (4, 0.04, 12.0), (64, 0.04, 12.0), (256, 0.01, 10.0))


def _loads(subject: Subject, _settings: Settings) -> Result:
    """Load that stands for three seconds, then a calm, then the wall alone: with the same patience in every row."""
    patience_s, workers, told, faults, blames = 0.05, 2, list[str](), list[str](), list[str]()
    foreseen = 0
    for capacity, service_s, load in ROWS:
        run = Simulation(subject, capacity, patience_s, workers, service_s)
        chance, at = random.Random(capacity), 0.0
        rate = load * workers / service_s
        while at < 3.0:
            run.offer(at)
            at += chance.expovariate(rate)
        in_time = sum(age <= DOUBLED * patience_s for age in run.finished) / (3.0 * workers / service_s)
        told.append(f"{capacity} slots, {service_s:g} s: {in_time:.0%}, {run.answers['LATE']:,} late")
        foreseen += run.answers["LATE"]
        if run.stale:
            faults.append(f"{run.stale} handed out older than their patience")
            blames.append("FRESH-1")
        if in_time < IN_TIME:
            faults.append(f"{capacity} slots, {service_s:g} s: {in_time:.0%} of what could be was finished in time")
            blames.append("FRESH-3")
        at += capacity * service_s + DOUBLED * patience_s
        run.until(at)
        again = [run.intake.offer(number) for number in range(capacity + 1)]
        outcome = subject.Outcome
        if not policy_5(sum(answer is not outcome.ACCEPTED for answer in again[:-1])) or again[-1] is not outcome.FULL:
            faults.append(f"{capacity} slots: after the load it was not the wall: {Counter(answer.name for answer in again)}")
            blames.append("POLICY-5")
    if not foreseen:
        faults.append("nothing was foreseen at the door under loads that stood for seconds")
        blames.append("FRESH-3")
    return Result(Verdict.ILLEGAL if faults else Verdict.OK, "; ".join(told), "; ".join(faults), tuple(dict.fromkeys(blames)))


def late_intake(subject: Subject) -> tuple[Any, Clock]:
    """Make an intake that says LATE: a queue has stood for an interval, and the one taker was slow."""
    clock = Clock()
    intake = module_of(subject).FreshIntake(8, PATIENCE_S, clock=clock)
    for number in range(6):
        intake.offer(number)
    for now in (0.0, 0.6):
        clock.now = now
        intake.take(timeout=0).release()
    clock.now = 0.7
    return intake, clock


def _refusals(subject: Subject, settings: Settings) -> Result:
    intake, _clock = late_intake(subject)
    late, touched = shed_of(subject).LATE, list[str]()
    item = Item(0, touched)
    answers: Counter[Any] = Counter(intake.offer(item) for _ in range(100))
    if set(answers) != {late}:
        return Result(
            Verdict.ILLEGAL,
            f"{answers}",
            "a queue that stood, and would for longer than the patience, was not foreseen",
            ("FRESH-3",),
        )
    offer, many, references = intake.offer, REFUSALS[settings.profile], sys.getrefcount(item)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(many):
        offer(item)
    blocks, kept = sys.getallocatedblocks() - before, sys.getrefcount(item) - references
    counted = intake.statistics().late
    evidence = (
        f"{many:,} refusals: {blocks} blocks and {kept} references left, {len(touched)} calls of the item's, {counted:,} counted"
    )
    good = policy_3(0, max(0, blocks - 20) + kept, len(touched))
    named = policy_2(bool(late), abs(many + 100 - counted))
    intake.close()
    closed = intake.offer(item) is subject.Outcome.CLOSED
    witness = "" if closed else "a closed intake did not say CLOSED"
    blames = (*(() if good else ("POLICY-3",)), *(() if named and closed else ("POLICY-2",)))
    return Result(Verdict.ILLEGAL if blames else Verdict.OK, evidence, witness or (evidence if blames else ""), blames)


def _memory(subject: Subject, settings: Settings) -> Result:
    clock, many = Clock(), REFUSALS[settings.profile] // 10
    intake = module_of(subject).FreshIntake(8, PATIENCE_S, clock=clock)

    def rounds(count: int) -> None:
        for number in range(count):
            for _ in range(3):
                intake.offer(None)
            clock.now += 2.0 if number % 3 == 0 else 0.1
            for lease in _all(subject, intake):
                lease.release()

    rounds(100)
    gc.collect()
    before = sys.getallocatedblocks()
    rounds(many)
    gc.collect()
    blocks = sys.getallocatedblocks() - before
    read = intake.statistics()
    evidence = f"{3 * many:,} items, {read.expired:,} of them expired: {blocks} blocks more"
    good = fresh_4(max(0, blocks - 100)) and read.expired
    return Result(Verdict.OK if good else Verdict.ILLEGAL, evidence, "" if good else evidence, () if good else ("FRESH-4",))


def _all(subject: Subject, intake: Any) -> list[Any]:
    from ..sweeps.audits import take_all

    return take_all(subject, intake)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "policies.bursts",
        GROUP,
        "simulation",
        ("FRESH-3",),
        "nothing of a burst shorter than the interval is refused as late, with each number of workers, service time and capacity, "
        "before which there was no queue",
        "A burst that meets a queue; a worker that holds what it took unlooked at, and lets it go back.",
        _bursts,
    ),
    Check(
        "policies.loads",
        GROUP,
        "simulation",
        ("FRESH-1", "FRESH-3", "POLICY-5"),
        "under loads of 3 and more times what can be done, with capacities up to 16 times too large and services 4 times slower, "
        "nothing is handed out late, nearly all that could be is finished in time, and when the load is gone it is the wall",
        "Real time: the laboratory is for that.",
        _loads,
    ),
    Check(
        "policies.refusals",
        GROUP,
        "example",
        ("POLICY-2", "POLICY-3", "FRESH-3"),
        "a refusal as late is false, counted, leaves nothing behind and calls nothing of the item's; a closed intake says CLOSED",
        "What it costs in time.",
        _refusals,
    ),
    Check(
        "policies.memory",
        GROUP,
        "example",
        ("FRESH-4",),
        "however many items go through and expire, no block of memory stays",
        "",
        _memory,
    ),
)
