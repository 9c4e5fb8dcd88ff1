"""Time single calls and cycles, and see that they do not grow with the capacity."""

import gc
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat

from tidegate_specs.check import Subject

from .peers import BASELINE, ITEM, OURS, ROUND, Maker, call_loop, clock, lease_loop
from .rows import BARS, FLAT_BAR, Row, Status, judge


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
    return partial(call_loop, intake.offer, 500)


def _round_at(subject: Subject, capacity: int, queued: bool) -> Callable[[], float]:
    intake = subject.Intake(capacity)
    for _ in repeat(None, capacity - 1 if queued else 0):
        intake.offer(ITEM)
    return partial(lease_loop, intake.offer, intake.take, 500)


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
