"""The overload checks find what they are for: each is shown a small intake with a planted fault."""

import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

import tidegate
from tidegate import Closed, Empty, Outcome
from tidegate_specs.check import Result, Settings, Verdict
from tidegate_stress import overload
from tidegate_stress.load import run_load
from tidegate_stress.load.record import Plan, Record
from tidegate_stress.load.unloaded import stolen_share
from tidegate_stress.memory import Footprint
from tidegate_stress.overload import BY_NAME, CHECKS, PARTS, exact, examine, examine_rejections, plan_for, rates
from tidegate_stress.overload.exact import overtaken
from tidegate_stress.overload.finding import Finding

SHORT = Plan(
    seconds=0.6,
    capacity=8,
    producers=2,
    spinners=3,
    unloaded_s=0.2,
    calm_s=0.3,
    spin_s=0.3,
    grace_s=1.5,
    attempts=1,
    service_s=0.001,
)
TIMED = tuple(part.name for part in PARTS if part.timed)
EXACT = tuple(part.name for part in PARTS if not part.timed)


@dataclass(frozen=True)
class Subject:
    """Plant one faulty intake where the checks expect a module."""

    Intake: Any
    Outcome: Any = Outcome
    Empty: type[Exception] = Empty
    Closed: type[Exception] = Closed


class PlainLease:
    """Hold one item of a `Plain`."""

    def __init__(self, owner: "Plain", item: Any) -> None:
        self._owner: Plain | None = owner
        self.item = item

    def release(self) -> bool:
        owner, self._owner = self._owner, None
        if owner is None:
            return False
        with owner.lock:
            owner.in_flight -= 1
            owner.released += 1
        return True


class Plain:
    """Do the same as the kernel with a lock and a semaphore; the faults below are planted in it."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.lock = threading.Lock()
        self.ready = threading.Semaphore(0)
        self.items: deque[Any] = deque()
        self.in_flight = self.accepted = self.full = self.answered_closed = self.released = self.peak = 0
        self.is_closed = False

    def offer(self, item: Any) -> Outcome:
        with self.lock:
            if self.is_closed:
                self.answered_closed += 1
                return Outcome.CLOSED
            if self.is_full():
                self.full += 1
                return Outcome.FULL
            self.items.append(item)
            self.accepted += 1
            self.peak = max(self.peak, len(self.items) + self.in_flight)
        self.ready.release()
        return Outcome.ACCEPTED

    def is_full(self) -> bool:
        return len(self.items) + self.in_flight >= self.capacity

    def take(self, timeout: float | None = None) -> PlainLease:
        if not self.ready.acquire(timeout=timeout):
            raise Empty("nothing there")
        with self.lock:
            self.in_flight += 1
            return PlainLease(self, self.next_item())

    def next_item(self) -> Any:
        return self.items.popleft()

    def close(self) -> None:
        self.is_closed = True

    def statistics(self) -> tidegate.Statistics:
        with self.lock:
            held = len(self.items) + self.in_flight
            return tidegate.Statistics(
                capacity=self.capacity,
                free=self.capacity - held,
                queued=len(self.items),
                in_flight=self.in_flight,
                accepted=self.accepted,
                full=self.full,
                closed=self.answered_closed,
                released=self.released,
                abandoned=0,
                peak=self.peak,
            )


class Unbounded(Plain):
    """Never full."""

    def is_full(self) -> bool:
        return False


class OneTooMany(Plain):
    """Let one more in than there are slots, and hide it from the statistics."""

    def is_full(self) -> bool:
        return len(self.items) + self.in_flight > self.capacity

    def statistics(self) -> tidegate.Statistics:
        honest = super().statistics()
        queued = min(honest.queued, self.capacity - honest.in_flight)
        return replace(honest, queued=queued, free=max(honest.free, 0), peak=min(honest.peak, self.capacity))


class Lifo(Plain):
    """Take the newest item first."""

    def next_item(self) -> Any:
        return self.items.pop()


class Retrying(Plain):
    """Keep a refused item now and then, and give it to a worker in place of another."""

    kept: Any = None

    def offer(self, item: Any) -> Outcome:
        answer = super().offer(item)
        if answer is Outcome.FULL and self.full % 50 == 0:
            self.kept = item
        return answer

    def next_item(self) -> Any:
        item, kept, self.kept = super().next_item(), self.kept, None
        return item if kept is None else kept


class Uncounted(Plain):
    """Forget to count every tenth rejection."""

    def offer(self, item: Any) -> Outcome:
        answer = super().offer(item)
        if answer is Outcome.FULL and self.full % 10 == 0:
            self.full -= 1
        return answer


class Retaining(Plain):
    """Keep every refused item, and something of size with it."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.log: list[Any] = []

    def offer(self, item: Any) -> Outcome:
        answer = super().offer(item)
        if answer is Outcome.FULL:
            self.log.append((item, bytearray(2000)))
        return answer


class Blocking(Plain):
    """Wait in `offer` until there is a free slot."""

    def offer(self, item: Any) -> Outcome:
        while self.is_full():
            time.sleep(0.001)
        return super().offer(item)


class SometimesBlocking(Plain):
    """Wait for ever in the offer after the thousandth."""

    def offer(self, item: Any) -> Outcome:
        if self.accepted + self.full >= 1000:
            threading.Event().wait()
        return super().offer(item)


class Sleeping(Plain):
    """Sleep while rejecting."""

    def offer(self, item: Any) -> Outcome:
        answer = super().offer(item)
        if answer is Outcome.FULL:
            time.sleep(0.005)
        return answer


class Raising(Plain):
    """Raise in place of the twentieth rejection."""

    def offer(self, item: Any) -> Outcome:
        answer = super().offer(item)
        if answer is Outcome.FULL and self.full == 20:
            raise RuntimeError("full")
        return answer


class Sulking(Plain):
    """Refuse everything until nobody has been refused for 300 ms."""

    until_s = 0.0

    def is_full(self) -> bool:
        refused = super().is_full() or time.monotonic() < self.until_s
        if refused:
            self.until_s = time.monotonic() + 0.3
        return refused


class Losing(Plain):
    """Take every hundredth item out of the queue and drop it; the slot goes home."""

    def next_item(self) -> Any:
        if self.accepted % 100 == 0 and len(self.items) > 1 and self.ready.acquire(blocking=False):
            self.items.popleft()
            self.released += 1
        return super().next_item()


class Unyielding:
    """Reject without ever giving up the interpreter."""

    def __init__(self, capacity: int) -> None:
        self._inner = tidegate.Intake[Any](capacity)
        self._free = self._inner._slots.free
        self.take, self.statistics, self.close = self._inner.take, self._inner.statistics, self._inner.close

    def offer(self, item: Any) -> Outcome:
        return self._inner.offer(item) if self._free else Outcome.FULL


def judged(name: str, intake: Any, plan: Plan = SHORT) -> Finding:
    """Judge an intake by one part. What is timed has no answer on a busy machine: then there is nothing to test."""
    finding = examine(BY_NAME[name], Subject(intake), plan)
    if name in TIMED and finding.verdict is Verdict.UNKNOWN:
        pytest.skip(f"the machine is too busy: {finding.witness}")
    return finding


def test_the_kernel_passes_what_is_exact() -> None:
    for name in EXACT:
        finding = examine(BY_NAME[name], tidegate, SHORT)
        assert finding.verdict is Verdict.OK, (name, finding)


def test_the_kernel_leaves_nothing_of_a_rejection() -> None:
    """Judge it in a process of its own: blocks are counted for all threads, and some of earlier tests may still be here."""
    code = (
        "import tidegate\n"
        "from tidegate_specs.check import Settings\n"
        "from tidegate_stress.overload import examine_rejections, plan_for\n"
        "print(examine_rejections(tidegate, plan_for(Settings()), 100_000).verdict.value)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "OK\n"


@pytest.mark.parametrize(
    ("name", "intake", "words", "blames"),
    [  # in the order of the intakes: checks of one intake share its run
        ("bound", Unbounded, "callers counted", ()),
        ("bound", OneTooMany, "callers counted 9", ()),
        ("order", Lifo, "was accepted before item", ("LOCAL-1",)),
        ("latency", Lifo, "", ()),
        ("order", Retrying, "had not been accepted", ("NORETRY-1",)),
        ("order", Losing, "never taken", ("LOCAL-1",)),
        ("ledger", Losing, "released: callers", ()),
        ("ledger", Uncounted, "full: callers", ()),
        ("memory", Retaining, "", ()),
        ("offer", SometimesBlocking, "did not return", ("NOWAIT-1",)),
        ("offer", Blocking, "offer did not return", ("NOWAIT-1",)),
        ("offer", Sleeping, "the median offer took", ()),
        ("offer", Raising, "RuntimeError: full", ("EXPLICIT-1",)),
        ("goodput", Sulking, "workers finished", ()),
        ("recover", Sulking, "nothing was accepted within", ()),
    ],
)
def test_a_planted_fault_is_found(name: str, intake: Any, words: str, blames: tuple[str, ...]) -> None:
    finding = judged(name, intake)
    assert finding.verdict is Verdict.ILLEGAL, finding
    assert words in finding.witness
    assert set(blames) <= set(finding.blames)


def test_starved_workers_are_found() -> None:
    finding = judged("spinning", Unyielding, replace(SHORT, spinners=8, spin_s=1.0))
    assert finding.verdict is Verdict.ILLEGAL, finding


def test_a_run_that_broke_off_says_nothing_else() -> None:
    for name in ("bound", "ledger", "goodput"):
        finding = examine(BY_NAME[name], Subject(Blocking), SHORT)
        assert finding.verdict is Verdict.UNKNOWN
        assert "did not return" in finding.witness


@pytest.mark.parametrize(("intake", "words"), [(Retaining, "blocks"), (Blocking, "did not return"), (Raising, "raised")])
def test_what_a_rejection_leaves_is_found(intake: Any, words: str) -> None:
    finding = examine_rejections(Subject(intake), replace(SHORT, grace_s=0.5), 20_000, limit_s=1.0)
    assert finding.verdict is Verdict.ILLEGAL
    assert words in finding.witness


def test_too_few_rejections_are_no_answer() -> None:
    left = Footprint(rejections=10, blocks=0, collections=0, references=0, item_died=True)
    assert exact.judge_footprint(left, 1000).verdict is Verdict.UNKNOWN


def recorded_rates(unloaded: list[float], stolen: float, finished: int) -> Record:
    record = run_load(tidegate, replace(SHORT, seconds=0.1, calm_s=0.1, unloaded_s=0.05, spin_s=0.05))
    phase = record.phases["overload"]
    phase.start_ns, phase.end_ns = 0, 1_000_000_000
    for tally in record.tallies:
        tally.count = 0
    record.tallies[0].count = len(record.tallies[0].finished_ns[:finished])
    for place in range(finished):
        record.tallies[0].finished_ns[place] = place
    record.unloaded, record.stolen = unloaded, stolen
    return record


@pytest.mark.parametrize(
    ("unloaded", "stolen", "finished", "verdict"),
    [
        ([100.0, 100.0, 100.0], 0.0, 99, Verdict.OK),
        ([100.0, 100.0, 100.0], 0.5, 99, Verdict.OK),
        ([150.0, 50.0, 100.0], 0.0, 99, Verdict.UNKNOWN),
        ([100.0, 100.0, 100.0], 0.0, 70, Verdict.ILLEGAL),
        ([100.0, 100.0, 100.0], 0.5, 70, Verdict.UNKNOWN),
        ([100.0, 100.0, 100.0], 0.5, 30, Verdict.ILLEGAL),
    ],
)
def test_noise_is_neither_a_pass_nor_a_fault(unloaded: list[float], stolen: float, finished: int, verdict: Verdict) -> None:
    assert rates.judge_goodput(recorded_rates(unloaded, stolen, finished)).verdict is verdict


def test_a_bound_that_noise_made_long_says_nothing() -> None:
    record = run_load(tidegate, replace(SHORT, seconds=0.2, calm_s=0.1, unloaded_s=0.05, spin_s=0.05))
    phase = record.phases["overload"]
    phase.late_ns.append(10_000_000_000)
    assert rates.judge_recovery(record).verdict is Verdict.UNKNOWN
    tally = record.tallies[0]
    place = next(at for at, stamp in enumerate(tally.freed_ns) if phase.start_ns <= stamp <= phase.end_ns)
    tally.taken_ns[place] = tally.freed_ns[place] - 10_000_000_000
    assert rates.judge_latency(record).verdict is Verdict.UNKNOWN


def test_a_run_cut_short_tells_memory_only_if_it_was_memory() -> None:
    record = run_load(tidegate, replace(SHORT, seconds=0.1, calm_s=0.1, unloaded_s=0.05, spin_s=0.05))
    record.halted = "overload was ended: 100 accepted items were unfinished"
    assert exact.judge_memory(record).verdict is Verdict.UNKNOWN
    record.halted = "overload was ended: the process grew by 256 MiB"
    assert exact.judge_memory(record).verdict is Verdict.ILLEGAL


def test_a_timed_fault_is_tried_again_and_an_exact_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[int] = []

    def recorded(_subject: object, _plan: Plan, attempt: int) -> Any:
        attempts.append(attempt)
        return SimpleNamespace(stuck="", errors=[], at_rest=object(), phases={"overload": None}, unloaded=[1, 1, 1])

    monkeypatch.setattr(overload, "_recorded", recorded)

    def fault(_record: Record) -> Finding:
        return Finding(Verdict.ILLEGAL if len(attempts) < 3 else Verdict.OK, "", "")

    timed = replace(BY_NAME["goodput"], judge=fault)
    assert examine(timed, tidegate, replace(SHORT, attempts=3)).verdict is Verdict.OK
    assert attempts == [0, 1, 2]
    attempts.clear()
    assert examine(replace(timed, timed=False), tidegate, replace(SHORT, attempts=3)).verdict is Verdict.ILLEGAL
    assert attempts == [0]


def test_an_overtaken_item_is_told_from_an_overlapping_one() -> None:
    first, second = (0, 1, 20, 21, 1), (2, 3, 10, 11, 2)
    assert overtaken([first, second]) == ((1, 2), 1)
    assert overtaken([(0, 2, 20, 21, 1), second]) == (None, 0)  # the offers overlap
    assert overtaken([(0, 1, 11, 21, 1), second]) == (None, 1)  # the takes overlap
    assert overtaken([]) == (None, 0)


def test_a_busy_loop_measures_what_others_take() -> None:
    assert 0.0 <= stolen_share(2, 0.005) < 1.0


def test_checks_are_well_formed() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names) == 10
    assert all(check.group == "overload" and check.name.startswith("overload.") for check in CHECKS)
    assert all(check.clauses and check.shows and check.shows_not for check in CHECKS)
    assert plan_for(Settings("full")).seconds == 10.0
    assert plan_for(Settings("quick", 5)).seed == 5
    assert isinstance(Finding(Verdict.OK, "1", "2").as_result(), Result)
