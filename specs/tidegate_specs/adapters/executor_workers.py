"""Interrupts at every bytecode of the executor's workers, and of its closing."""

import threading
import time
from collections import Counter
from collections.abc import Generator
from concurrent.futures import Future
from concurrent.futures.thread import BrokenThreadPool
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from types import CodeType
from typing import Any
from unittest.mock import patch

from ..injection import Hook, Injector, Interrupt
from .executor_jobs import LIMIT_S, Job, Tally, threads_of, what_is_left
from .executor_sweep import Point, interrupt


def sweep_close(module: Any, injector: Injector, tally: Tally) -> None:
    """Shut down at every bytecode of a submission, with a worker that looks before the submission goes on."""
    position, point = 0, Point(0, interrupt, where="begin")
    while point.where and not tally.witness:
        position += 1
        executor = module.RejectingExecutor(1, 1, thread_name_prefix="swept")
        worker = threads_of("swept")[0]

        def close(executor: Any = executor, worker: threading.Thread = worker) -> None:
            executor.shutdown(wait=False)
            _await_rest(worker)

        _await_rest(worker)
        point = Point(position, close)
        answer = injector.run(partial(executor.try_submit, int), point.hook)
        tally.points += point.done
        executor.statistics()
        left_over = what_is_left("swept") if point.done else 0
        unended = left_over + (point.done and bool(answer) and not answer.done())
        tally.unended += unended
        tally.lost += 1 - executor.statistics().free if point.done else 0
        if unended or tally.lost:
            tally.note(f"submit, overtaken at {point.where} by a shutdown: {unended} futures or workers did not end")
        executor.shutdown(wait=False)
        what_is_left("swept")


def _await_rest(worker: threading.Thread) -> None:
    """Give a worker time until it sleeps or has ended, where the system tells; else a moment."""
    stat = Path(f"/proc/self/task/{worker.native_id}/stat")
    asleep, deadline_s = 0, time.monotonic() + 0.2
    while worker.is_alive() and asleep < 3 and time.monotonic() < deadline_s:
        time.sleep(0.0002)
        try:
            asleep = asleep + 1 if stat.read_text().rpartition(")")[2].split()[0] == "S" else 0
        except OSError:
            asleep = 0


@contextmanager
def _traced_workers(injector: Injector, hook: Hook) -> Generator[None]:
    """Have the threads that are made here run under the injector."""

    class Traced(threading.Thread):
        def run(self) -> None:
            with suppress(Interrupt):
                injector.run(super().run, hook)

    with patch.object(threading, "Thread", Traced):
        yield


def sweep_worker(module: Any, injector: Injector, tally: Tally) -> None:
    """Raise an exception at every bytecode of a worker that runs works that return, fail and were cancelled, to the end."""
    position, point = 0, Point(0, interrupt, where="begin")
    while point.where and not tally.witness:
        position += 1
        point = Point(position, interrupt)
        gate, begun = SimpleQueue[None](), Counter[str]()

        def initialize(gate: "SimpleQueue[None]" = gate, begun: Counter[str] = begun) -> None:
            begun["worker"] += 1
            gate.get(timeout=LIMIT_S)

        with _traced_workers(injector, point.hook):
            executor = module.RejectingExecutor(4, 1, thread_name_prefix="swept", initializer=initialize)
        jobs = [Job(number, SimpleQueue()) for number in range(4)]
        for job in jobs:
            job.gate.put(job.name != 1)
        futures: list[Future[int]] = []
        with suppress(BrokenThreadPool):  # it was interrupted before its initializer: then it is broken
            for job in jobs:
                futures.append(executor.submit(job))  # noqa: PERF401 - those submitted before are kept
            futures[2].cancel()
        executor.shutdown(wait=False)
        gate.put(None)
        left_over = what_is_left("swept")
        if not begun["worker"] and point.done:
            continue  # it ended before its first step
        tally.points += point.done
        unended = sum(not future.done() for future in futures) + left_over
        doubled = sum(job.runs > 1 or (job.runs and future.cancelled()) for job, future in zip(jobs, futures, strict=False))
        lost = 4 - executor.statistics().free
        spoilt = sum(isinstance(future.exception(), Interrupt) for future in futures if future.done() and not future.cancelled())
        tally.unended, tally.doubled, tally.lost = tally.unended + unended, tally.doubled + doubled, tally.lost + lost
        if unended or doubled or lost or spoilt > 1:
            tally.note(
                f"a worker, interrupted at {point.where}: {unended} futures or workers did not end, {doubled} works ran twice, "
                f"{lost} slots lost, {spoilt} works failed by it"
            )


def sweep_wake(module: Any, injector: Injector, tally: Tally) -> None:
    """Raise an exception at every bytecode of one of two workers that two works wake: both works start, or end by it."""
    position, point = 0, Point(0, interrupt, where="begin")
    while point.where and not tally.witness:
        position += 1
        point = Point(position, interrupt, in_thread="_0")
        ready: SimpleQueue[None] = SimpleQueue()
        with _traced_workers(injector, point.hook):
            executor = module.RejectingExecutor(2, 2, thread_name_prefix="swept", initializer=partial(ready.put, None))
        with suppress(Empty):
            ready.get(timeout=LIMIT_S)
            if not point.done:
                ready.get(timeout=LIMIT_S)
        started: SimpleQueue[int] = SimpleQueue()
        jobs = [Job(number, started) for number in range(2)]
        futures: list[Future[int]] = []
        with suppress(BrokenThreadPool):
            for job in jobs:
                futures.append(executor.submit(job))  # noqa: PERF401 - those submitted before are kept
        late = {0, 1} if len(threads_of("swept")) == 2 else set[int]()
        deadline_s = time.monotonic() + LIMIT_S
        while late and time.monotonic() < deadline_s:
            with suppress(Empty):
                late.discard(started.get(timeout=0.02))
            late -= {number for number, future in enumerate(futures) if future.done()}
        for job in jobs:
            job.gate.put(True)
        executor.shutdown(wait=False)
        unended = what_is_left("swept") + len(late) + sum(not future.done() for future in futures)
        tally.points += point.done
        tally.unended += unended
        if unended:
            tally.note(f"one of two workers, interrupted at {point.where}: {len(late)} works did not start")


def sweep_stand(module: Any, injector: Injector, tally: Tally) -> None:
    """Have two workers stand at the same bytecode on their way to sleep while two works come: both works start."""
    position, stood = 0, 2
    while stood and not tally.witness:
        position += 1
        go: SimpleQueue[None] = SimpleQueue()
        standing: list[str] = []

        def stand(at: int, code: CodeType, offset: int, until: int = position, go: Any = go, standing: Any = standing) -> None:
            if at == until:
                standing.append(f"{code.co_qualname}+{offset}")
                go.get(timeout=LIMIT_S)

        with _traced_workers(injector, stand):
            executor = module.RejectingExecutor(2, 2, thread_name_prefix="swept")
        for worker in threads_of("swept"):
            _await_rest(worker)
        stood = len(standing)
        started: SimpleQueue[int] = SimpleQueue()
        jobs = [Job(number, started) for number in range(2)]
        for job in jobs:
            executor.submit(job)
        for _ in jobs:
            go.put(None)
        late = {0, 1}
        with suppress(Empty):
            while late:
                late.discard(started.get(timeout=LIMIT_S))
        for job in jobs:
            job.gate.put(True)
        executor.shutdown(wait=False)
        tally.points += stood
        tally.unended += len(late) + what_is_left("swept")
        if late:
            tally.note(f"two workers, standing at {' and '.join(standing)} when two works come: {len(late)} did not start")
