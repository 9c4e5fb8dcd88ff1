"""Measure the memory of a slot, and the goodput beside producers that spin."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import repeat
from statistics import median
from typing import Final

from tidegate_specs.check import Subject

from ..memory import SLOT_STATES, bytes_per_slot, rejection_footprint
from .peers import ITEM, OURS, WAITING_PEERS, Calls, Maker, clock
from .rows import GOODPUT_BAR, SLOT_BAR_BYTES, Row, Status, judge
from .timing import Progress

MANY: Final = 1_000_000
SERVICE_S: Final = 0.001
WORKERS: Final = 2
SPINNERS: Final = 8


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
