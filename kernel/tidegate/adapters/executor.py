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

    A work runs in a copy of the context of whoever submitted it, and workers start in an empty one: what stands in context
    variables, the user's name or the request's trace, is the submitter's, whoever made the executor and whatever ran before.

    With `patience_s` a worker looks how long a work has waited before it runs it. If that is longer, nobody waits for it any more:
    its slot is free, and its future fails with `Expired`, in that order, and it never runs (EXECUTOR-4). Without, no clock is read.

Prior art
    `concurrent.futures.ThreadPoolExecutor` (B. Quinlan), of which this keeps all that can be kept with a bound; the bound asked for
    there since 2014 (bpo-22737). Java's `ThreadPoolExecutor` with a bounded queue and its `AbortPolicy`.

Considered and rejected
    A semaphore around `ThreadPoolExecutor.submit`: it waits, and an exception between the two loses a permit. Works as items in the
    kernel's queue, a cancelled one leaving a vacancy that the next `submit` fills: free slots and vacancies can't be read at one
    instant, so that a refusal might be untrue. Freeing the slot in a callback of the future: others see the future cancelled before
    that. Starting workers on demand: `Thread.start` waits for the thread to begin, and `submit` must not wait. New workers in the
    child of a fork: threads that nobody asked for, in a process that may be about to execute another program. Works that expire by
    a timer: a thread, and a race with each worker. Expired works as cancelled futures: a future does not say why it is cancelled,
    and `asyncio` would cancel whoever awaits it.

Limits
    A work that never returns keeps its slot and its worker, and the interpreter from exiting, as with `ThreadPoolExecutor`. Works
    that wait for other works of the same executor can wait for ever, as there. Cancelling takes time in proportion to the works
    that wait in front. An exception that arrives in a worker's thread before its first step ends that worker; one that arrives
    inside the code of `concurrent.futures` may keep a future from telling its waiters; two inside one recovery may cost a slot, or
    leave a future unended. On 3.12 works can't start threads once the main thread is over. Futures that a fork copied into a child
    belong to the parent and never end in the child. A second Ctrl-C while the interpreter waits for works at exit ends the wait, as
    with `ThreadPoolExecutor`. Up to 3.11 a subinterpreter with threads can't end. An iterator of `map` that is dropped cancels its
    works where CPython drops exceptions, one that a signal handler raises meanwhile among them: close it. A work that has expired
    keeps its slot and its place until a worker comes to it, or it is cancelled. Nothing is refused because it would have to wait
    for too long: `FreshIntake` does that.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextvars import copy_context
from functools import partial
from itertools import count, islice
from time import monotonic
from typing import Any, Final, Literal, ParamSpec, TypeVar, cast, final

from .. import Lease, Outcome, Statistics
from ._exit import check_threads
from ._patience import Patience, Seconds
from ._works import Expired, Line, Work, start
from .bulkhead import Bulkhead, Refusal

__all__ = ["Expired", "Rejected", "RejectingExecutor"]

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
    raises `BrokenThreadPool`, with the exception as its cause. With `refusal="future"` a refused `submit` raises nothing: its
    future has failed with what it would have raised. RuntimeError where gevent or eventlet has replaced threads (HOST-1).
    patience_s: for how many seconds a work may wait; one that has waited for longer is not run, and its future fails with
    `Expired`, a `CancelledError` (EXECUTOR-4). TypeError or ValueError unless it is None, for ever, or a number above 0.

    An executor that is dropped closes, and its workers finish what was accepted. So they do when the main thread has ended, before
    handlers of `atexit` run; one that is made then is closed (HOST-2). In the child of a fork it is closed. A signal handler may
    call `submit`, `try_submit`, `statistics` and `shutdown(wait=False)`, and nothing else: other calls wait for locks, or works.
    """

    def __init__(
        self,
        capacity: int,
        workers: int,
        *,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        refusal: Literal["raise", "future"] = "raise",
        patience_s: Seconds | None = None,
    ) -> None:
        check_threads(type(self).__name__)
        line = Line(Bulkhead(capacity), self, None if patience_s is None else Patience(patience_s))
        if _checked_count("workers", workers) > capacity:
            raise ValueError(f"workers must be at most the capacity of {capacity}, not {workers}: more could never work")
        if initializer is not None and not callable(initializer):
            raise TypeError(f"initializer must be callable, not {type(initializer).__name__}")
        if refusal not in ("raise", "future"):
            raise ValueError(f"refusal must be 'raise' or 'future', not {refusal!r}")
        prefix = thread_name_prefix or f"RejectingExecutor-{next(numbers)}"
        self._line: Final = line
        self._raises: Final = refusal == "raise"
        self._threads: Final = start(line, [f"{prefix}_{number}" for number in range(workers)], initializer, initargs)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Submit `fn(*args, **kwargs)`, to be run once, and give its future; never waits (EXECUTOR-1).

        Raises Rejected, with the outcome FULL or CLOSED; BrokenThreadPool after an initializer failed; TypeError if `fn` can't be
        called. With `refusal="future"` the first two come as a future that has failed with them already. Interrupted by any other
        exception, the work may have been accepted or not; no slot is lost (EXECUTOR-2). A signal handler may call it.
        """
        answer = self._submit(partial(fn, *args, **kwargs))
        if not isinstance(answer, Outcome):
            return answer
        if self._raises:
            raise self._error(answer)
        return self._failed(answer)

    def try_submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T] | Refusal:
        """Submit like `submit`, but answer a refusal as a value, which is false; a future is true (EXECUTOR-1).

        A future: the work holds a slot and will run, unless it is cancelled first. FULL: at an instant within this call `capacity`
        works were unfinished. CLOSED: the executor or the interpreter is shut down, or this is the child of a fork.
        Raises BrokenThreadPool and TypeError as `submit` does. A signal handler may call it.
        Linearization points: those of `Bulkhead.enter`.
        """
        answer = self._submit(partial(fn, *args, **kwargs))
        if answer is Outcome.CLOSED and self._line.broken is not None:
            raise self._error(answer)
        return answer

    def _submit(self, call: Callable[[], T]) -> Work[T] | Refusal:
        line = self._line
        answer: Lease[None] | Refusal | None = None
        lease: Lease[None] | None = None
        work: Work[T] | None = None
        try:
            if line.epoch:
                line.close()  # it is the parent's, whose workers are not here
            answer = line.room.enter()
            if isinstance(answer, Outcome):
                if answer is Outcome.CLOSED:
                    line.ring()  # a worker may have seen the slot that was ours for a moment, and wait for what comes of it
                return answer
            lease = answer
            work = Work(line, lease, partial(copy_context().run, call))
            line.waiting.append(work)
            line.ring()
            if line.epoch:  # a fork came in between: this is the child
                line.close()
                work.cancel()
                return Outcome.CLOSED
            return work
        except BaseException:
            if work is not None:
                work.cancel()  # wherever it is; a worker that has it already will finish it
            elif lease is not None:
                lease.release()
            answer = lease = work = None  # the traceback must not hold the slot
            line.ring()
            raise

    def _error(self, refusal: Refusal) -> Exception:
        """Make the exception for a refusal."""
        broken = self._line.broken_pool() if refusal is Outcome.CLOSED else None
        return Rejected(refusal) if broken is None else broken

    def _failed(self, refusal: Refusal) -> Future[Any]:
        """Make a future that has failed: nothing is left to be done, or to be held, for it."""
        failed: Future[Any] = Future()
        failed.set_exception(self._error(refusal))
        return failed

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | int | None = None,  # noqa: PYI041 - for beartype an int is no float
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Give the results of `fn` on the iterables' items, in their order. `chunksize` is ignored.

        Submits all works now, or, with `buffersize`, so many now and one more whenever a result has come. With a `buffersize` of at
        most `capacity`, and nobody else submitting, none is refused. Raises Rejected if one is, whatever `refusal` says: here; or
        from the iterator, when the results of those before it have been given. Raises TimeoutError from the iterator `timeout`
        seconds after this call. Whatever was submitted and still waits is then cancelled, as it is when the iterator is closed or
        dropped, begun or not. Raises TypeError or ValueError for a bad `buffersize`.
        """
        if buffersize is not None:
            _checked_count("buffersize", buffersize)
        deadline = None if timeout is None else monotonic() + timeout
        ahead = self._submit_each(fn, zip(*iterables, strict=False))
        futures: deque[Future[T]] = deque()
        try:
            futures.extend(islice(ahead, buffersize))
            if futures and not isinstance(futures[-1], Work):
                futures[-1].result()  # raises: this one was refused
            results = _results(futures, ahead if buffersize else iter(()), deadline)
            next(results)  # to where its end, whichever, cancels
        except BaseException:
            _cancel_all(futures)
            raise
        return cast("Iterator[T]", results)

    def _submit_each(self, fn: Callable[..., T], each: Iterable[tuple[Any, ...]]) -> Iterator[Future[T]]:
        """Submit one work after the other, each when asked for its future. One that has failed stands for the first refusal."""
        for args in each:
            answer = self._submit(partial(fn, *args))
            if isinstance(answer, Outcome):
                yield self._failed(answer)
                return
            yield answer
            del answer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Refuse works from now on, for good; with `cancel_futures` cancel those waiting, with `wait` wait for the workers to end.

        What was accepted and not cancelled is finished (EXECUTOR-3). Idempotent. A `submit` that overlaps it may be accepted.
        From a signal handler call `shutdown(wait=False)` and cancel nothing: the workers, and whoever is told of a cancellation,
        may need a lock that the interrupted code holds.
        """
        self._line.close()
        if cancel_futures and not self._line.epoch:  # else they are the parent's
            _cancel_all(self._line.waiting)
        if wait:
            for thread in self._threads:
                thread.join()

    @property
    def expired(self) -> int:
        """The number of works that were not run because they had waited for too long. `statistics()` has them as released."""
        return 0 if self._line.patience is None else self._line.patience.number()

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


def _results(futures: deque[Future[T]], ahead: Iterator[Future[T]], deadline: float | None) -> Iterator[T | None]:
    """Give None, and then the results. A generator that has not begun would run nothing at its end."""
    try:
        yield None
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
