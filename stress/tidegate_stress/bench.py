"""Measure the intake against its bars and its peers, as ratios within one run (`tidegate bench`).

All subjects take turns in many short rounds, and each one's best time is compared with `queue.Queue`'s best: others on the machine
can only make a round longer. How far the best of every second round is from the best of the rest is the noise, and a figure
that is nearer to its bar than the noise is UNKNOWN, not met.
"""

import argparse
import gc
import importlib
import json
import os
import platform
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import repeat
from statistics import median
from typing import Any, Final, Literal

from tidegate_specs.check import Subject, load_subject
from tidegate_specs.extras import UsageError
from tidegate_specs.options import at_least
from tidegate_specs.reports import ReportFile

from .memory import SLOT_STATES, bytes_per_slot, rejection_footprint

BASELINE: Final = "queue.Queue"
OURS: Final = "tidegate"
ITEM: Final = object()
ROUND: Final = "offer + take + release"
BY_WITH: Final = ROUND + ", by `with`"
BARS_TO_3_13: Final = {"accept": 0.25, "reject": 0.20, ROUND: 0.40, BY_WITH: 0.49}
BARS_FROM_3_14: Final = {"accept": 0.31, "reject": 0.24, ROUND: 0.50, BY_WITH: 0.63}  # where `queue.Queue` became faster
BARS: Final = BARS_FROM_3_14 if sys.version_info >= (3, 14) else BARS_TO_3_13
FLAT_BAR: Final = 1.3
SLOT_BAR_BYTES: Final = 200
GOODPUT_BAR: Final = 0.80
SIZES: Final = (1, 64, 4096, 200_000)
MANY: Final = 1_000_000
SERVICE_S: Final = 0.001
WORKERS: Final = 2
SPINNERS: Final = 8
clock = time.perf_counter_ns

Status = Literal["MET", "NOT MET", "UNKNOWN", "report only", "missing"]


@dataclass(frozen=True, slots=True)
class Row:
    """Give one figure: of what, for whom, in which unit, against which bar ("at most" or "at least"), and whether it is met."""

    section: str
    measure: str
    subject: str
    value: float | None
    unit: str
    status: Status
    bar: float | None = None
    bar_is: Literal["at most", "at least"] = "at most"
    time_ns: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class BenchReport:
    """Give all figures of one run, and the noise they are to be read with."""

    rows: tuple[Row, ...]
    noise: float
    seconds: float
    rounds: int
    python: str = field(default_factory=lambda: f"{platform.python_implementation()} {platform.python_version()}")
    platform: str = field(default_factory=platform.platform)

    @property
    def exit_code(self) -> int:
        """0: all bars met. 1: one is not. 3: one is too near to its bar for the noise."""
        statuses = {row.status for row in self.rows}
        return 1 if "NOT MET" in statuses else 3 if "UNKNOWN" in statuses else 0

    def as_json(self) -> str:
        """Give the report as JSON."""
        verdict = {0: "MET", 1: "NOT MET", 3: "UNKNOWN"}[self.exit_code]
        return json.dumps({"verdict": verdict, **asdict(self)}, indent=2)


def judge(value: float, bar: float, bar_is: Literal["at most", "at least"], noise: float) -> Status:
    """Compare with a bar; within the noise of it there is no telling."""
    excess = value / bar if bar_is == "at most" else bar / value if value > 0 else float("inf")
    if excess * (1 + noise) <= 1:
        return "MET"
    return "NOT MET" if excess > 1 + noise else "UNKNOWN"


# The timed loops. Each gives nanoseconds for one operation. All pay the same for the loop, they differ in what is called.


def _call_loop(offer: Callable[[Any], object], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
    return (clock() - start) / n


def _refusal_loop(offer: Callable[[Any], object], refusal: type[Exception], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        try:  # noqa: SIM105 - a context manager would be timed as well
            offer(ITEM)
        except refusal:
            pass
    return (clock() - start) / n


def _lease_loop(offer: Callable[[Any], object], take: Callable[[], Any], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
        take().release()
    return (clock() - start) / n


def _lease_item_loop(offer: Callable[[Any], object], take: Callable[[], Any], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
        lease = take()
        lease.item  # noqa: B018 - the reading is what is timed
        lease.release()
    return (clock() - start) / n


def _lease_with_loop(offer: Callable[[Any], object], take: Callable[[], Any], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
        with take():
            pass
    return (clock() - start) / n


def _done_loop(offer: Callable[[Any], object], take: Callable[[], Any], done: Callable[[], object], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
        take()
        done()
    return (clock() - start) / n


def _two_loop(offer: Callable[[Any], object], take: Callable[[], Any], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
        take()
    return (clock() - start) / n


@dataclass(frozen=True, slots=True)
class Calls:
    """Say how one subject is used: offer and tell whether the item got in, take one, finish it, and the timed loops."""

    offer: Callable[[Any], bool]
    take: Callable[[], Any]
    finish: Callable[[Any], object]
    accept: Callable[[int], float]
    reject: Callable[[int], float]
    rounds: dict[str, Callable[[int], float]]


Maker = Callable[[int], Calls]


def _tidegate_calls(subject: Subject, capacity: int) -> Calls:
    intake = subject.Intake(capacity)
    accepted = subject.Outcome.ACCEPTED
    offer, take = intake.offer, intake.take
    return Calls(
        offer=lambda item: offer(item) is accepted,
        take=take,
        finish=lambda lease: lease.release(),
        accept=partial(_call_loop, offer),
        reject=partial(_call_loop, offer),
        rounds={
            ROUND: partial(_lease_loop, offer, take),
            ROUND + ", reading .item": partial(_lease_item_loop, offer, take),
            BY_WITH: partial(_lease_with_loop, offer, take),
        },
    )


def _queue_calls(shape: Any) -> Calls:
    """Use anything shaped like `queue.Queue`."""
    offer, take, done = shape.put_nowait, shape.get, shape.task_done

    def try_offer(item: Any) -> bool:
        try:
            offer(item)
        except queue.Full:
            return False
        return True

    return Calls(
        offer=try_offer,
        take=take,
        finish=lambda _item: done(),
        accept=partial(_call_loop, offer),
        reject=partial(_refusal_loop, offer, queue.Full),
        rounds={ROUND: partial(_done_loop, offer, take, done)},
    )


def _stdlib_maker() -> Maker:
    return lambda capacity: _queue_calls(queue.Queue[Any](capacity))


def _culsans_maker() -> Maker:
    culsans: Any = importlib.import_module("culsans")
    return lambda capacity: _queue_calls(culsans.Queue(capacity).sync_q)


def _janus_maker() -> Maker:
    """Use the synchronous side. A loop is bound by the first asynchronous call, and there is none; so nobody is to be notified."""
    janus: Any = importlib.import_module("janus")
    return lambda capacity: _queue_calls(janus.Queue(capacity).sync_q)


def _aiologic_maker() -> Maker:
    """Use the queue's calls for threads. It has no notion of finished work: a round is two calls, not three."""
    aiologic: Any = importlib.import_module("aiologic")

    def make(capacity: int) -> Calls:
        shape = aiologic.Queue(capacity)
        offer, take, full = partial(shape.green_put, blocking=False), shape.green_get, aiologic.QueueFull

        def try_offer(item: Any) -> bool:
            try:
                offer(item)
            except full:
                return False
            return True

        return Calls(
            offer=try_offer,
            take=take,
            finish=lambda _item: None,
            accept=partial(_call_loop, offer),
            reject=partial(_refusal_loop, offer, full),
            rounds={ROUND: partial(_two_loop, offer, take)},
        )

    return make


class LockedRing:
    """Keep a bounded FIFO under one lock, as a control: the least that Python code can do with a lock. It does not wait."""

    __slots__ = ("_capacity", "_head", "_held", "_items", "_lock", "_tail")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: list[Any] = [None] * capacity
        self._head = self._tail = self._held = 0
        self._lock = threading.Lock()

    def offer(self, item: Any) -> bool:
        """Answer False when full."""
        with self._lock:
            if self._held == self._capacity:
                return False
            self._items[self._tail] = item
            self._tail = (self._tail + 1) % self._capacity
            self._held += 1
            return True

    def take(self) -> Any:
        """Take the oldest item; it keeps its place until `finish`. There must be one."""
        with self._lock:
            item = self._items[self._head]
            self._items[self._head] = None
            self._head = (self._head + 1) % self._capacity
            return item

    def finish(self) -> None:
        """Free one place."""
        with self._lock:
            self._held -= 1


def _ring_maker() -> Maker:
    def make(capacity: int) -> Calls:
        ring = LockedRing(capacity)
        return Calls(
            offer=ring.offer,
            take=ring.take,
            finish=lambda _item: ring.finish(),
            accept=partial(_call_loop, ring.offer),
            reject=partial(_call_loop, ring.offer),
            rounds={ROUND: partial(_done_loop, ring.offer, ring.take, ring.finish)},
        )

    return make


PEERS: Final[dict[str, Callable[[], Maker]]] = {
    BASELINE: _stdlib_maker,
    "aiologic": _aiologic_maker,
    "culsans": _culsans_maker,
    "janus": _janus_maker,
    "ring": _ring_maker,
}
WAITING_PEERS: Final = (BASELINE, "aiologic", "culsans", "janus")  # those whose workers can wait for an item


class Progress:
    """Tell on stderr how far a run is, once it takes longer than two seconds."""

    def __init__(self, stages: Sequence[str], quiet: bool = False) -> None:
        self._stages = stages
        self._quiet = quiet
        self._start = self._told = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._last = ""

    def tell(self, stage: str, done: float) -> None:
        """Say that a share of a stage is done: in place on a terminal, at most one line in two seconds in a log."""
        now = time.monotonic()
        if self._quiet or now - self._start < 2 or now - self._told < (0.1 if self._terminal else 2):
            return
        self._told = now
        text = f"[{self._stages.index(stage) + 1}/{len(self._stages)}] {stage} {done:4.0%}"
        self._last = text if self._terminal else ""
        sys.stderr.write(f"\r{text:<60}" if self._terminal else text + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Clear the line on a terminal."""
        if self._last:
            sys.stderr.write("\r" + " " * 60 + "\r")
            sys.stderr.flush()


@contextmanager
def _collector_off() -> Generator[None]:
    """Keep the collector out of the timed loops: when it runs depends on what ran before."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class Sample:
    """Time one operation of one subject, once."""

    measure: str
    subject: str
    take: Callable[[], float]


def _operation_samples(name: str, make: Maker, n: int) -> list[Sample]:
    filling, full, passing = make(n), make(64), make(64)
    for _ in repeat(None, 64):
        full.offer(ITEM)

    def accept() -> float:
        try:
            return filling.accept(n)
        finally:
            for _ in repeat(None, n):
                filling.finish(filling.take())

    rounds = [Sample(measure, name, partial(loop, n)) for measure, loop in passing.rounds.items()]
    return [Sample("accept", name, accept), Sample("reject", name, partial(full.reject, n)), *rounds]


def _noise_of(times: Sequence[float]) -> float:
    """Give the noise of the best time: by how much the best of every second round differs from the best of the others."""
    one, other = min(times[::2]), min(times[1::2])
    return abs(one - other) / min(one, other)


def measure_operations(makers: dict[str, Maker], rounds: int, progress: Progress) -> tuple[list[Row], float]:
    """Time accept, reject and a whole round, every subject in every round. Gives the rows and the noise."""
    n = 500
    samples = [sample for name, make in makers.items() for sample in _operation_samples(name, make, n)]
    times: dict[tuple[str, str], list[float]] = {(sample.measure, sample.subject): [] for sample in samples}
    with _collector_off():
        for turn in range(rounds):
            shift = turn % len(samples)
            for sample in samples[shift:] + samples[:shift]:
                times[sample.measure, sample.subject].append(sample.take())
            progress.tell("operations", turn / rounds)
    noise = max(_noise_of(values) for (measure, name), values in times.items() if name in (OURS, BASELINE) and measure in BARS)
    rows: list[Row] = []
    best_of = {key: min(values) for key, values in times.items()}
    for (measure, name), best in best_of.items():
        ratio = best / best_of.get((measure, BASELINE), best_of[ROUND, BASELINE])
        bar = BARS.get(measure) if name == OURS else None
        status: Status = "report only" if bar is None else judge(ratio, bar, "at most", noise)
        rows.append(Row("operations", measure, name, ratio, "x", status, bar, time_ns=best))
    order = {measure: place for place, measure in enumerate(dict.fromkeys(row.measure for row in rows))}
    return sorted(rows, key=lambda row: order[row.measure]), noise


# Flatness in capacity. All sizes are timed by the same loops, in the same round.


def _accept_at(subject: Subject, capacity: int) -> Callable[[], float]:
    """Time 64 prepared offers: to one intake, or to as many small ones as it takes. Large ones fill up before they are emptied."""
    batch, repeats = 64, 8
    intakes = [subject.Intake(capacity) for _ in range(max(1, batch // capacity))]
    offers = [intake.offer for intake in intakes for _ in range(batch // len(intakes))]
    places = free = capacity * len(intakes)

    def sample() -> float:
        nonlocal free
        total_ns = 0
        for _ in range(repeats):
            if free < batch:
                for intake in intakes:
                    for _ in repeat(None, intake.statistics().queued):
                        intake.take().release()
                free = places
            start = clock()
            for offer in offers:
                offer(ITEM)
            total_ns += clock() - start
            free -= batch
        return total_ns / (batch * repeats)

    return sample


def _reject_at(subject: Subject, capacity: int) -> Callable[[], float]:
    intake = subject.Intake(capacity)
    for _ in repeat(None, capacity):
        intake.offer(ITEM)
    return partial(_call_loop, intake.offer, 500)


def _round_at(subject: Subject, capacity: int, queued: bool) -> Callable[[], float]:
    intake = subject.Intake(capacity)
    for _ in repeat(None, capacity - 1 if queued else 0):
        intake.offer(ITEM)
    return partial(_lease_loop, intake.offer, intake.take, 500)


def measure_flatness(subject: Subject, rounds: int, sizes: Sequence[int], progress: Progress) -> list[Row]:
    """Time each operation at each capacity; the figure is the largest time over the smallest.

    With a full queue of 200,000 every operation meets slots that no cache holds any more.
    """
    cases: dict[str, list[Callable[[], float]]] = {
        "accept": [_accept_at(subject, size) for size in sizes],
        "reject": [_reject_at(subject, size) for size in sizes],
        ROUND + ", queue empty": [_round_at(subject, size, False) for size in sizes],
        ROUND + ", queue full": [_round_at(subject, size, True) for size in sizes],
    }
    times: dict[str, list[list[float]]] = {measure: [[] for _ in sizes] for measure in cases}
    with _collector_off():
        for turn in range(rounds):
            for measure, samples in cases.items():
                for place in range(len(sizes)):
                    at = (place + turn) % len(sizes)
                    times[measure][at].append(samples[at]())
            progress.tell("flatness", turn / rounds)
    rows: list[Row] = []
    for measure, by_size in times.items():
        best = [min(values) for values in by_size]
        ratio = max(best) / min(best)
        note = ", ".join(f"{size:,}: {ns:.0f} ns" for size, ns in zip(sizes, best, strict=True))
        status = judge(ratio, FLAT_BAR, "at most", max(_noise_of(values) for values in by_size))
        rows.append(Row("flatness in capacity", measure, OURS, ratio, "x", status, FLAT_BAR, note=note))
    return rows


def measure_memory(subject: Subject) -> list[Row]:
    """Count bytes for each slot, and what a million rejections leave."""
    costs = bytes_per_slot(subject)
    rows: list[Row] = []
    for state in SLOT_STATES:
        cost = costs[state]
        bar = None if state == "all leased" else float(SLOT_BAR_BYTES)
        status: Status = "report only" if bar is None else judge(cost, bar, "at most", 0.0)
        note = "the workers' lease objects included" if bar is None else ""
        rows.append(Row("bytes per slot", state, OURS, cost, "bytes", status, bar, note=note))
    left = rejection_footprint(subject, MANY)
    whole = left.rejections >= MANY
    note = "" if whole else f"only {left.rejections:,} in the time allowed"
    figures = {
        "allocated blocks left": left.blocks,
        "collections started": left.collections,
        "references kept": left.references + (not left.item_died),
    }
    for measure, value in figures.items():
        settled: Status = "NOT MET" if value > 0 else "MET" if whole else "UNKNOWN"
        rows.append(Row("a million rejections", measure, OURS, value, "", settled, 0.0, note=note))
    return rows


# Goodput: what spinning producers leave of the workers' rate.


class _Workers:
    """Keep workers busy on one subject, 1 ms of waiting for each item. They offer their item anew, so they need no producer."""

    def __init__(self, calls: Calls, capacity: int) -> None:
        self._calls = calls
        self._stop = threading.Event()
        self._done = [0] * WORKERS
        for _ in repeat(None, capacity):
            calls.offer(ITEM)
        self._threads = [threading.Thread(target=self._work, args=(place,), daemon=True) for place in range(WORKERS)]
        for thread in self._threads:
            thread.start()

    def _work(self, place: int) -> None:
        calls, stop = self._calls, self._stop
        while not stop.is_set():
            taken = calls.take()
            time.sleep(SERVICE_S)
            calls.finish(taken)
            self._done[place] += 1
            calls.offer(ITEM)

    def rate(self, seconds: float) -> float:
        """Count what is finished in a second."""
        start_ns, done = clock(), sum(self._done)
        time.sleep(seconds)
        done, elapsed_ns = sum(self._done) - done, clock() - start_ns
        return done * 1e9 / elapsed_ns

    def end(self) -> None:
        """Let them stop; items that are left keep them from waiting."""
        self._stop.set()
        for thread in self._threads:
            thread.join(5)


@contextmanager
def _spinning(calls: Calls) -> Generator[None]:
    stop = False

    def spin() -> None:
        offer = calls.offer
        while not stop:
            offer(ITEM)

    threads = [threading.Thread(target=spin, daemon=True) for _ in range(SPINNERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop = True
        for thread in threads:
            thread.join(5)


def measure_goodput(makers: dict[str, Maker], pairs: int, seconds: float, progress: Progress) -> list[Row]:
    """Compare the workers' rate under eight spinning producers with their rate just before and after."""
    rows: list[Row] = []
    names = [name for name in makers if name == OURS or name in WAITING_PEERS]
    for name in names:
        calls = makers[name](64)
        workers = _Workers(calls, 64)
        ratios: list[float] = []
        unloaded = [workers.rate(seconds)]
        own_pairs = pairs if name == OURS else 1
        for turn in range(own_pairs):
            with _spinning(calls):
                time.sleep(0.05)
                loaded = workers.rate(seconds)
            unloaded.append(workers.rate(seconds))
            ratios.append(2 * loaded / (unloaded[-1] + unloaded[-2]))
            progress.tell("goodput", (names.index(name) + turn / own_pairs) / len(names))
        workers.end()
        ratio = median(ratios)
        noise = (max(unloaded) - min(unloaded)) / max(1e-9, *unloaded)
        bar = GOODPUT_BAR if name == OURS else None
        status: Status = "report only" if bar is None else judge(ratio, bar, "at least", noise)
        note = f"unloaded {median(unloaded):,.0f} items/s, from itself {noise:.1%}"
        rows.append(Row("goodput, 8 spinning", "of unloaded rate", name, ratio, "x", status, bar, "at least", note=note))
    return rows


def run_bench(
    rounds: int = 300,
    subjects: Sequence[str] = tuple(PEERS),
    *,
    quick: bool = False,
    subject: Subject | None = None,
    quiet: bool = False,
) -> BenchReport:
    """Measure everything in one run. `queue.Queue` is always among the subjects; a peer that isn't installed is a missing row.

    quiet: say nothing on stderr. Times that do not meet their bars are taken once more.
    """
    start = time.monotonic()
    ours = subject if subject is not None else load_subject()
    makers: dict[str, Maker] = {OURS: partial(_tidegate_calls, ours)}
    missing: list[Row] = []
    for name in PEERS:
        if name == BASELINE or name in subjects:
            try:
                makers[name] = PEERS[name]()
            except ImportError as error:
                missing.append(Row("operations", "all", name, None, "", "missing", note=f"not installed: {error}"))
    progress = Progress(("operations", "flatness", "memory", "goodput"), quiet)
    operations, noise = measure_operations(makers, rounds, progress)
    if _missed(operations):
        operations, noise = measure_operations(makers, rounds, progress)
    flatness = measure_flatness(ours, rounds, SIZES, progress)
    if _missed(flatness):
        flatness = measure_flatness(ours, rounds, SIZES, progress)
    progress.tell("memory", 0)
    memory = measure_memory(ours)
    goodput = measure_goodput(makers, 3 if quick else 5, 0.4 if quick else 1.0, progress)
    if _missed(goodput):
        goodput = measure_goodput(makers, 5, 1.0, progress)
    progress.end()
    rows = (*operations, *missing, *flatness, *memory, *goodput)
    return BenchReport(rows, noise, time.monotonic() - start, rounds)


def _missed(rows: Sequence[Row]) -> bool:
    return any(row.status in ("NOT MET", "UNKNOWN") for row in rows)


def render(report: BenchReport, colour: bool = False) -> str:
    """Lay the report out as a table for a terminal, a log or a pipe."""
    lines = [
        f"tidegate bench: {report.python}, {report.platform}",
        f"ratios to {BASELINE} in the same run; best of {report.rounds} rounds in turn; noise {report.noise:.1%}",
    ]
    section = ""
    for row in report.rows:
        if row.section != section:
            section = row.section
            lines += ["", f"{section:<41} {'subject':<12} {'time':>9} {'figure':>12}  {'bar':<9} verdict"]
        sign = "<=" if row.bar_is == "at most" else ">="
        bar = "" if row.bar is None else f"{sign} {row.bar:g}"
        time_ns = "" if row.time_ns is None else f"{row.time_ns:,.0f} ns"
        cells = f"  {row.measure:<39} {row.subject:<12} {time_ns:>9} {_figure(row):>12}  {bar:<9} {_painted(row.status, colour)}"
        lines.append(cells.rstrip())
        if row.note:
            lines.append(f"      {row.note}")
    counts = {status: sum(row.status == status for row in report.rows) for status in ("MET", "NOT MET", "UNKNOWN")}
    end = {0: "all bars met", 1: "a bar is not met", 3: "too noisy to tell"}[report.exit_code]
    summary = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return "\n".join([*lines, "", f"{end}: {summary}; {report.seconds:.0f} s", ""])


def _figure(row: Row) -> str:
    if row.value is None:
        return ""
    return f"{row.value:.3f} x" if row.unit == "x" else f"{row.value:,.0f} {row.unit}".rstrip()


def _painted(status: Status, colour: bool) -> str:
    code = {"MET": "32", "NOT MET": "31;1", "UNKNOWN": "33"}.get(status)
    return f"\x1b[{code}m{status}\x1b[0m" if colour and code else f"({status})" if status == "report only" else status


EXAMPLES: Final = """\
examples:
  tidegate bench                              everything, under a minute
  tidegate bench --quick --subjects ring      only the control beside queue.Queue, in about 15 s
  tidegate bench --json bench.json            the figures for a machine as well

exit: 0 all bars met, 1 a bar is not met, 2 bad usage, 3 the machine is too noisy to tell, or it was interrupted
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate bench",
        description="Measure the intake against its bars and its peers, as ratios to queue.Queue within one run.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, about 15 s")
    parser.add_argument(
        "--rounds", type=at_least(10), metavar="N", help="rounds of each timing, at least 10 (default: 300; quick: 80)"
    )
    parser.add_argument("--subjects", metavar="A,B", help=f"peers beside {BASELINE}, of: {', '.join(PEERS)} (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON too; - is standard output, without the table")
    return parser


def main(argv: list[str]) -> int:
    """Run `tidegate bench` with these arguments, and return its exit code."""
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
        subjects = tuple(PEERS) if arguments.subjects is None else tuple(arguments.subjects.split(","))
        unknown = [name for name in subjects if name not in PEERS and name != OURS]
        if unknown:
            parser.error(f"no such subject: {', '.join(unknown)} (there are: {', '.join(PEERS)})")
        rounds = arguments.rounds if arguments.rounds is not None else 80 if arguments.quick else 300
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    try:
        file = ReportFile(arguments.json)
        report = run_bench(rounds, subjects, quick=arguments.quick)
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(report.as_json() + "\n" if arguments.json == "-" else render(report, colour))
        file.write(report.as_json() + "\n", final=True)
    except UsageError as error:
        sys.stderr.write(f"tidegate bench: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: nothing was judged\n")
        return 3
    return report.exit_code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
