# SPDX-License-Identifier: MIT
"""A `concurrent.futures.Executor` that refuses instead of queueing without end.

    from tidegate.adapters.executor import Rejected, RejectingExecutor

    with RejectingExecutor(capacity=64, workers=8) as executor:     # at most 64 works are unfinished: 8 running, 56 waiting
        try:
            future = executor.submit(pow, 2, 10)
        except Rejected as refusal:                                 # at once; refusal.outcome is Outcome.FULL or Outcome.CLOSED
            ...                                                     # say "busy", do without, or do it here
        future = executor.try_submit(pow, 2, 10)                    # the same as a value: refusals are false
        if not future:
            ...

Unfinished means waiting or running. A work leaves when it has returned, has raised or was cancelled, and its room is free again
before its future shows that: whoever sees a result finds room.

How it works
    The room is a `Bulkhead` of `capacity` slots: a work holds a lease from `submit` to its end, so a refusal is the kernel's own
    FULL. Waiting works stand in a line beside it, see `_works`, and not in the kernel's queue, which has no removal from the
    middle: a work that is cancelled must make room at once, also while every worker hangs, and leave nothing behind.

Prior art
    `concurrent.futures.ThreadPoolExecutor` (B. Quinlan), of which this keeps all that can be kept with a bound; the bound asked for
    there since 2014 (bpo-22737). Java's `ThreadPoolExecutor` with a bounded queue and its `AbortPolicy`.

Considered and rejected
    A semaphore around `ThreadPoolExecutor.submit`: it waits, and an exception between the two loses a permit. Works as items in the
    kernel's queue, a cancelled one leaving a vacancy that the next `submit` fills: free slots and vacancies can't be read at one
    instant, so that a refusal might be untrue. Freeing the slot in a callback of the future: others see the future cancelled before
    that. Starting workers on demand: `Thread.start` waits for the thread to begin, and `submit` must not wait. New workers in the
    child of a fork: threads that nobody asked for, in a process that may be about to execute another program.

Limits
    A work that never returns keeps its slot and its worker, and the interpreter from exiting, as with `ThreadPoolExecutor`. Works
    that wait for other works of the same executor can wait for ever, as there. Cancelling takes time in proportion to the works
    that wait in front. An exception that arrives in a worker's thread before its first step ends that worker; one that arrives
    inside the code of `concurrent.futures` may keep a future from telling its waiters; two inside one recovery may cost a slot, or
    leave a future unended. Works can't start threads while the interpreter exits (3.12 and later). Futures that a fork copied into
    a child belong to the parent and never end in the child. Subinterpreters that allow no daemon threads are not supported.
"""

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from functools import partial
from itertools import count, islice
from time import monotonic
from typing import Any, Final, ParamSpec, TypeVar, final

from .. import Lease, Outcome, Statistics
from ._works import Line, Work, start
from .bulkhead import Bulkhead, Refusal

T = TypeVar("T")
P = ParamSpec("P")

numbers: Final = count()


@final
class Rejected(RuntimeError):
    """Raised for a work that was refused; nothing of it is kept (EXECUTOR-1).

    outcome: FULL, `capacity` works were unfinished; CLOSED, the executor or the interpreter is shut down.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome: Final = outcome

    def __str__(self) -> str:
        return "every slot is held by an unfinished work" if self.outcome is Outcome.FULL else "the executor is shut down"


@final
class RejectingExecutor(Executor):
    """Run works in `workers` threads, with at most `capacity` unfinished, waiting ones included; refuse more at once (EXECUTOR-1).

    Every future ends: its work ran, once, or never and it is cancelled or failed (EXECUTOR-3). Any thread may call any method at
    any time. Raises TypeError or ValueError unless both are ints, 1 <= workers <= capacity, and `capacity` fits into memory;
    TypeError for an `initializer` that can't be called.

    All workers are started here. Each calls `initializer(*initargs)` first; should that raise, waiting works fail and `submit`
    raises `BrokenThreadPool`, with the exception as its cause. An executor that is dropped closes, and its workers finish what was
    accepted; so they do before the interpreter exits. In the child of a fork it is closed.
    """

    def __init__(
        self,
        capacity: int,
        workers: int,
        *,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        line = Line(Bulkhead(capacity))
        if _checked_count("workers", workers) > capacity:
            raise ValueError(f"workers must be at most the capacity of {capacity}, not {workers}: more could never work")
        if initializer is not None and not callable(initializer):
            raise TypeError(f"initializer must be callable, not {type(initializer).__name__}")
        prefix = thread_name_prefix or f"RejectingExecutor-{next(numbers)}"
        self._line: Final = line
        weakref.finalize(self, line.close)
        self._threads: Final = start(line, [f"{prefix}_{number}" for number in range(workers)], initializer, initargs)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Submit `fn(*args, **kwargs)`, to be run once, and give its future; never waits (EXECUTOR-1).

        Raises Rejected, with the outcome FULL or CLOSED; BrokenThreadPool after an initializer failed; TypeError if `fn` can't be
        called. Interrupted by any other exception, the work may have been accepted or not; no slot is lost (EXECUTOR-2).
        """
        answer = self.try_submit(fn, *args, **kwargs)
        if isinstance(answer, Outcome):
            raise Rejected(answer)
        return answer

    def try_submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T] | Refusal:
        """Submit like `submit`, but answer a refusal as a value, which is false; a future is true (EXECUTOR-1).

        A future: the work holds a slot and will run, unless it is cancelled first. FULL: at an instant within this call `capacity`
        works were unfinished. CLOSED: the executor or the interpreter is shut down, or this is the child of a fork.
        Linearization points: those of `Bulkhead.enter`.
        """
        line = self._line
        call = partial(fn, *args, **kwargs)
        answer: Lease[None] | Refusal | None = None
        lease: Lease[None] | None = None
        work: Work[T] | None = None
        try:
            answer = line.room.enter()
            if isinstance(answer, Outcome):
                if answer is Outcome.CLOSED:
                    line.ring()  # a worker may have seen the slot that was ours for a moment, and wait for what comes of it
                    broken = line.broken_pool()
                    if broken is not None:
                        raise broken
                return answer
            lease = answer
            work = Work(line, lease, call)
            line.waiting.append(work)
            line.ring()
            return work
        except BaseException:
            if work is not None:
                work.cancel()  # wherever it is; a worker that has it already will finish it
            elif lease is not None:
                lease.release()
            answer = lease = work = broken = None  # the traceback must not hold the slot
            line.ring()
            raise

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Give the results of `fn` on the iterables' items, in their order. `chunksize` is ignored.

        Submits all works now, or, with `buffersize`, so many now and one more whenever a result has come. With a `buffersize` of at
        most `capacity`, and nobody else submitting, none is refused. Raises Rejected if one is, here or from the iterator, and
        TimeoutError from the iterator `timeout` seconds after this call; whatever was submitted and still waits is then cancelled,
        as it is when the iterator is dropped. Raises TypeError or ValueError for a bad `buffersize`.
        """
        if buffersize is not None:
            _checked_count("buffersize", buffersize)
        deadline = None if timeout is None else monotonic() + timeout
        ahead = (self.submit(fn, *args) for args in zip(*iterables, strict=False))
        futures: deque[Future[T]] = deque()
        try:
            futures.extend(islice(ahead, buffersize))
        except BaseException:
            _cancel_all(futures)
            raise
        return _results(futures, ahead if buffersize else iter(()), deadline)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse works from now on, for good; with `cancel_futures` cancel those waiting, with `wait` wait for the workers to end.

        What was accepted and not cancelled is finished (EXECUTOR-3). Idempotent. A `submit` that overlaps it may be accepted.
        """
        self._line.close()
        if cancel_futures:
            _cancel_all(self._line.waiting)
        if wait:
            for thread in self._threads:
                thread.join()

    def statistics(self) -> Statistics:
        """Count slots and answers: `in_flight` works are unfinished, waiting or running; `free` more would be accepted now."""
        return self._line.room.statistics()


def _checked_count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")
    return value


def _cancel_all(futures: Iterable[Future[Any]]) -> None:
    for future in list(futures):  # one C call: others may join or leave meanwhile
        future.cancel()


def _results(futures: deque[Future[T]], ahead: Iterator[Future[T]], deadline: float | None) -> Iterator[T]:
    try:
        while futures:
            result = [_result_of(futures.popleft(), deadline)]
            futures.extend(islice(ahead, 1))  # after the result: its room is there now
            yield result.pop()  # no name here may keep it
    finally:
        _cancel_all(futures)


def _result_of(future: Future[T], deadline: float | None) -> T:
    try:
        return future.result(None if deadline is None else deadline - monotonic())
    finally:
        future.cancel()
        del future  # or its exception would refer to it
