# SPDX-License-Identifier: MIT
"""The works of a `RejectingExecutor`: the line in which they wait, and the workers. See `executor` for what is promised and why.

Invariants
    room       a work holds a lease from before it joins the line until before its future ends (EXECUTOR-1, EXECUTOR-2), so the line
               is never longer than the room.
    one owner  whoever enters itself in a work's `claim` first, by one call of `dict.setdefault`: a worker, who then runs it, or a
               caller of `cancel`. Nobody else ends its future (EXECUTOR-3).
    in hand    a work that has not ended is in the line, or claimed by a call that is in progress. A worker looks at the oldest,
               claims it, and only then removes it: interrupted anywhere, it can read from the claim what it still owes.
    bell       if a work is in the line, a worker is about to look at it, or the bell holds a ring that nobody has taken yet, or
               every worker is busy and looks when it is done.

    dropped    the executor rings the bell when it dies, by one call into C; the worker that wakes closes the line.
    patience   a worker that claims a work looks how long it has waited, and runs it or ends it, never both (EXECUTOR-4).
    fork       a child finds by `epoch` that the line is its parent's: it accepts nothing there and lets go of nothing.

Atomic, as `tidegate._atomic` explains it: `append` and `remove` of a deque and `deque[0]`, `setdefault` and `get` of a dict with a
text as key, `put` and `empty` of a SimpleQueue. `remove` compares works, which is identity: `Future` defines no other.
"""

import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures.thread import BrokenThreadPool
from typing import Any, Final, TypeVar, cast, final

from .. import Lease
from .._atomic import SimpleQueue
from .._forks import epoch
from ._exit import enter, exiting, leave, start_empty
from ._patience import Patience
from .bulkhead import Bulkhead

T = TypeVar("T")

BROKEN: Final = "an initializer failed, the executor is not usable any more"
OWNER: Final = "owner"


@final
class Expired(CancelledError):
    """The exception of a work that was not run, as it had waited for longer than its patience (EXECUTOR-4).

    Whoever expects a `CancelledError` from `result()` is told so, and so is nobody's task: a future that `asyncio` wraps raises
    this exception, which is an Exception, instead of looking as if the waiting task had been cancelled.
    waited_s: for how long. patience_s: the patience that it had.
    """

    def __init__(self, waited_s: float, patience_s: float) -> None:
        super().__init__(waited_s, patience_s)
        self.waited_s: Final = waited_s
        self.patience_s: Final = patience_s

    def __str__(self) -> str:
        return f"not run: it had waited for {self.waited_s:.3f} seconds, and its patience is {self.patience_s} seconds"


def nothing() -> Any:
    """Stand where the call of a work was."""


@final
class Work(Future[T]):
    """A future and what it is the future of: the call, its lease and who owns it."""

    def __init__(self, line: "Line", lease: Lease[None], call: Callable[[], T]) -> None:
        super().__init__()
        self.line: Final = line
        self.lease: Final = lease
        self.call = call
        self.since: Final = line.patience.now() if line.patience else 0.0
        self.claim: Final[dict[str, object]] = {}

    def cancel(self) -> bool:
        """Cancel the work if no worker has it yet; its room is free before the future shows it (EXECUTOR-2).

        True: it never runs. False: a worker has it, or it is finished, or another `cancel` is about to say True.
        Linearization point: the claim.
        """
        me = object()
        try:
            if self.claim.setdefault(OWNER, me) is me:
                self.withdraw()
        except BaseException:
            if self.claim.get(OWNER) is me:
                self.withdraw()
            raise
        return self.cancelled()

    def withdraw(self) -> None:
        """Leave, then show it. Called again it does what is left to do."""
        self.leave()
        super().cancel()
        if not wait(
            (self,), timeout=0
        ).done:  # who waits for several futures is told by a call of its own, which may come once only
            self.set_running_or_notify_cancel()
        if self.line.closed:
            self.line.ring()

    def fail(self, error: BaseException) -> None:
        """Leave, then end with an exception, unless ended."""
        self.leave()
        if not self.done():
            self.set_exception(error)

    def end(self, result: T, failure: BaseException | None) -> None:
        """Give the slot back, then show how the work ended. `fail` does what is left if this is interrupted."""
        self.call = nothing
        self.lease.release()
        if failure is None:
            self.set_result(result)
        else:
            self.set_exception(failure)

    def leave(self) -> None:
        """Be out of the line, let go of the arguments, and give the slot back."""
        self.line.waiting.discard(self)
        self.call = nothing
        self.lease.release()


def outcome_of(work: Work[T]) -> tuple[T | None, BaseException | None]:
    """Call; give the result, or the failure, whatever it is. A function of its own, so that all of `turn` is inside one `try`."""
    try:
        return work.call(), None
    except BaseException as error:  # noqa: BLE001 - see above
        return None, error
    finally:
        del work  # or the failure would refer to its own future


@final
class WaitingLine(deque[Any]):
    """Works in the order of submission."""

    __slots__ = ()
    __delitem__ = cast("Any", deque[Any].remove)

    def discard(self, work: Any) -> None:
        """Remove a work, unless another worker or a canceller has.

        By an operator and not by a call, because an exception from outside can arrive out of a call: a ValueError would be taken
        for the answer. Out of an operator that runs C code none can, and `suppress` is Python code.
        """
        try:  # noqa: SIM105
            del self[work]
        except ValueError:
            pass


@final
class Line:
    """What an executor shares with its workers and works. It keeps no executor, which may be dropped."""

    def __init__(self, room: Bulkhead, owner: object, patience: Patience | None) -> None:
        self.room: Final = room
        self.patience: Final = patience
        self.epoch: Final = epoch()
        self.waiting: Final = WaitingLine()
        self.bell: Final[SimpleQueue[object]] = SimpleQueue()
        self.owner: Final = weakref.ref(owner, self.bell.put)
        self.broken: BaseException | None = None
        self.closed = False

    def ring(self) -> None:
        """Wake one worker. A ring that nobody has taken yet will do: who takes it looks at the line after this call."""
        if self.bell.empty():
            self.bell.put(None)

    def close(self) -> None:
        """Accept nothing more, and let the workers end when all is finished. Interrupted, it is to be called again."""
        self.closed = True
        self.room.close()
        if not self.epoch:  # else nobody is here to hear it
            self.ring()

    def broken_pool(self) -> BrokenThreadPool | None:
        """Make the exception for works that an executor with a failed initializer does not run; None if there is no such thing."""
        if self.broken is None:
            return None
        error = BrokenThreadPool(BROKEN)
        error.__cause__ = self.broken
        return error

    def expired(self, work: Work[Any]) -> Expired | None:
        """Make the exception for a work that has waited for too long; None if it has not, or may for ever."""
        patience = self.patience
        age = None if patience is None else patience.overdue(work.since)
        return None if patience is None or age is None else Expired(age, patience.patience_s)

    def serve(self) -> None:
        """Take turns to the end. A function of its own, as the jump back of a loop is outside the `try` around it."""
        while self.turn():
            pass

    def turn(self) -> bool:
        """Run the work that waits longest, or wait for one; false when there is none and never will be.

        Whatever ends the work, or is raised in this thread while the work is this worker's, ends the future.
        """
        me = object()
        work: Work[Any] | None = None
        result: Any = None
        failure: BaseException | None = None
        expired: Expired | None = None
        try:
            try:  # noqa: SIM105 - the same as in `discard`
                work = self.waiting[0]
            except IndexError:
                pass
            if work is None:
                return self.rest()
            owner = work.claim.setdefault(OWNER, me)
            self.waiting.discard(work)
            if self.waiting:
                self.ring()
            if owner is me:
                failure = self.broken_pool()
                if failure is None and self.patience is not None and (failure := self.expired(work)) is not None:
                    expired = failure  # from here on it is counted: no call, so no exception can come before the next line
                    next(self.patience.expired)
                if failure is None:
                    work.set_running_or_notify_cancel()
                    result, failure = outcome_of(work)
                work.end(result, failure)
        except BaseException as error:  # noqa: BLE001 - raised in this thread by somebody; it ends the work that was in hand
            if work is not None and work.claim.get(OWNER) is me:
                work.fail(expired or error)
            self.ring()  # the ring that was taken may have been for another's work
        work = result = failure = expired = None  # or an exception would refer to its own future
        if self.closed:
            self.ring()  # it may have been the last one
        return True

    def rest(self) -> bool:
        """Wait for a ring; false if no work will ever come."""
        if self.owner() is None:
            self.close()
        if self.closed and not self.room.drain(timeout=0):  # no slot is held: nobody is about to join the line
            self.ring()  # whoever leaves passes the bell on
            return False
        self.bell.get()
        return True


def start(
    line: Line, names: list[str], initializer: Callable[..., object] | None, initargs: tuple[Any, ...]
) -> list[threading.Thread]:
    """Start the workers of a line. They are no daemons: the interpreter waits for them, once `_exit` has closed the line."""
    threads = [threading.Thread(target=_serve, args=(line, initializer, initargs), name=name, daemon=False) for name in names]
    if exiting():  # no thread can be started, or none would be waited for
        line.close()
        return []
    try:
        for thread in threads:
            enter(thread, line.close)
            start_empty(thread)
    except BaseException:
        line.close()  # ends those that have started
        for thread in threads:
            leave(thread)
        raise
    return threads


def _serve(line: Line, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    """Initialize, then take turns to the end. An exception between two works belongs to none, and to a worker it means nothing."""
    ready = initializer is None
    while True:
        try:
            if initializer is not None and not ready:
                initializer(*initargs)
            ready = True
            line.serve()
            leave(threading.current_thread())
            return
        except BaseException as error:  # noqa: BLE001 - see above
            if not ready:
                ready = True
                line.broken = error  # before it closes: who is refused for that then knows why
                line.close()
            line.ring()
