"""How much is done where nothing is in the way: the processor that is left, the rate without load."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from tidegate_specs.check import Subject

from .record import Plan, Tally

clock: Final = time.perf_counter_ns


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

    start(run)
    return returned.wait(limit_s)


def unloaded_rate(subject: Subject, plan: Plan) -> float:
    """Count what the workers finish in a second when nobody else is there: they offer their items anew themselves."""
    intake = subject.Intake(plan.capacity)
    for item in range(plan.capacity):
        intake.offer(item)
    tallies = [Tally(most_taken(plan, plan.unloaded_s)) for _ in range(plan.workers)]
    stop = threading.Event()
    arguments = [(intake, subject, plan, tally, stop, True) for tally in tallies]
    threads = [start(_quietly, work, *each) for each in arguments]
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


def most_taken(plan: Plan, seconds: float) -> int:
    return int(1.2 * seconds / plan.service_s) + 4 * plan.capacity


def start(target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def work(intake: Any, subject: Subject, plan: Plan, tally: Tally, stop: threading.Event, anew: bool) -> None:
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
