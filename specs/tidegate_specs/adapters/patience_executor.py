"""Patience in the executor."""

import random
import threading
from collections.abc import Generator
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.thread import BrokenThreadPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, final
from unittest.mock import patch

from ..check import Result, Settings, Subject
from ..injection import Hook, Injector, Interrupt, quiet_finalisers
from .executor_jobs import LIMIT_S
from .executor_sweep import Point
from .patience_clock import HISTORIES, PASSED_S, PATIENCE_S, SWEPT, Clock, Tally, clock_of, grains
from .support import injector_of, module_of

# The executor.


@final
@dataclass(eq=False, slots=True)
class Work:
    """A work, when it was submitted, and what became of it."""

    since: float
    runs: int = 0
    cancelled: bool = False
    future: "Future[None]" = field(default_factory=Future[None])

    def __call__(self) -> None:
        self.runs += 1

    def fault(self, expires: bool, expired: type[Exception]) -> str:
        """Say what is wrong with its end, or nothing."""
        future = self.future
        if not future.done():
            return "its future did not end"
        wanted = "cancelled" if self.cancelled else "expired" if expires else "run"
        error = None if future.cancelled() else future.exception()
        found = "cancelled" if future.cancelled() else "expired" if isinstance(error, expired) else "run" if self.runs else "failed"
        if found == "expired" and not isinstance(error, CancelledError):
            return "its exception is no CancelledError"
        return (
            "" if found == wanted and self.runs == (wanted == "run") else f"it was {found}, and ran {self.runs} times, not {wanted}"
        )


def _batch(executor: Any, clock: Clock, chance: random.Random, tally: Tally) -> list[Work]:
    """Submit works behind one that keeps the only worker; then let it go, and wait for all to end."""
    gate, begun = SimpleQueue[None](), SimpleQueue[None]()

    def hold() -> None:
        begun.put(None)
        gate.get(timeout=LIMIT_S)

    left = [holding := executor.submit(hold)]
    begun.get(timeout=LIMIT_S)

    def ended(future: Any) -> None:
        left.remove(future)
        held = executor.statistics().in_flight - len(left)
        tally.held += max(0, held)
        if held > 0:
            tally.note("the slot of a work was still held when its future had ended")

    works: list[Work] = []
    for _ in range(chance.randint(0, 6)):
        clock.now += chance.choice(PASSED_S)
        works.append(work := Work(clock.now))
        work.future = executor.submit(work)
        left.append(work.future)
        work.future.add_done_callback(ended)
        if chance.random() < 0.2:
            work.cancelled = work.future.cancel()
    clock.now += chance.choice(PASSED_S)
    holding.add_done_callback(ended)
    gate.put(None)
    wait([holding, *(work.future for work in works)], timeout=LIMIT_S)
    return works


def executor_model(subject: Subject, settings: Settings) -> Result:
    module, chance, tally = module_of(subject, "executor"), random.Random(settings.seed), Tally()
    for _ in range(HISTORIES[settings.profile]):
        patience_s = chance.choice((None, 1, PATIENCE_S))
        with clock_of(subject) as clock, module.RejectingExecutor(8, 1, patience_s=patience_s) as executor:
            expired = 0
            for _ in range(3):
                for work in _batch(executor, clock, chance, tally):
                    age = clock.now - work.since
                    expires = patience_s is not None and age > patience_s and not work.cancelled
                    expired += expires
                    tally.ended += 1
                    if fault := work.fault(expires, module.Expired):
                        tally.stale += expires and work.runs > 0
                        tally.untold += 1
                        tally.note(f"a work that had waited for {age} of {patience_s} seconds: {fault}")
            tally.miscounted += executor.expired != expired
            if executor.expired != expired:
                tally.note(f"{executor.expired} works are counted as expired, and {expired} were")
        if tally.witness:
            break
    return tally.judge("EXECUTOR-4", f"{tally.ended:,} works ended")


@contextmanager
def _traced_workers(injector: Injector, hook: Hook) -> Generator[None]:
    """Have the threads that are made here run under the injector."""

    class Traced(threading.Thread):
        def run(self) -> None:
            with suppress(Interrupt):
                injector.run(super().run, hook)

    with patch.object(threading, "Thread", Traced):
        yield


def _interrupt() -> None:
    raise Interrupt


def _swept_worker(module: Any, injector: Injector, clock: Clock, position: int, tally: Tally) -> bool:
    """Have a worker find an old, a new and an old work, with an exception at one bytecode. False: there is none so far."""
    clock.now = 0
    point = Point(position, _interrupt)
    gate, begun = SimpleQueue[None](), list[bool]()

    def initialize() -> None:
        begun.append(True)
        gate.get(timeout=LIMIT_S)

    with _traced_workers(injector, point.hook):
        executor = module.RejectingExecutor(4, 1, patience_s=PATIENCE_S, thread_name_prefix=SWEPT, initializer=initialize)
    works = [Work(since) for since in (0.0, 10.0, 0.0)]
    with suppress(BrokenThreadPool):
        for work in works:
            clock.now = work.since
            work.future = executor.submit(work)
    clock.now = 10
    executor.shutdown(wait=False)
    gate.put(None)
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(SWEPT)]
    for thread in threads:
        thread.join(LIMIT_S)
    if not begun and point.done:
        return True  # it ended before its first step
    if any(thread.is_alive() for thread in threads) or not all(work.future.done() for work in works):
        tally.untold += 1
        tally.note(f"a worker, interrupted at {point.where}: a future or the worker did not end")
        return False
    tally.points += point.done
    tally.ended += len(works)
    errors = [work.future.exception() for work in works]
    expired = sum(isinstance(error, module.Expired) for error in errors)
    stale = works[0].runs + works[2].runs + (works[1].runs > 1)
    spoilt = sum(isinstance(error, Interrupt) for error in errors)
    lost = 4 - executor.statistics().free
    tally.stale, tally.held = tally.stale + stale, tally.held + lost
    miscounted = injector.arrivals_only and executor.expired != expired  # nothing can come between deciding and counting
    tally.miscounted += miscounted
    if stale or lost or miscounted or spoilt > 1:
        tally.note(
            f"a worker, interrupted at {point.where}: {stale} works ran that should not, {lost} slots lost, {executor.expired} "
            f"counted as expired and {expired} told, {spoilt} failed by it"
        )
    return bool(point.where)


def executor_sweep(subject: Subject, settings: Settings) -> Result:
    module, tally = module_of(subject, "executor"), Tally()
    with quiet_finalisers(), clock_of(subject) as clock, injector_of(subject, [module.RejectingExecutor]) as injector:
        for injector.arrivals_only in grains(settings):
            position, more = 0, True
            while more and not tally.witness:
                position += 1
                more = _swept_worker(module, injector, clock, position, tally)
    return tally.judge("EXECUTOR-4", f"{tally.points:,} points of a worker that finds expired works")
