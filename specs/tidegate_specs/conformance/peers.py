"""Adapters for the queues that people put between producers and workers today. What is expected of each is in `expectations`.

An adapter makes of a peer what its documentation offers for "take this in, or refuse it at once", and declares no more than that
documentation says. A refusal that the peer raises is made a value here, so EXPLICIT-1 is not judged. The bound of a queue is on
what is queued, so taking an item frees its place, and only the executor keeps a slot until the work is done.
"""

import asyncio
import contextlib
import importlib
import importlib.metadata
import math
import platform
import queue
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Final, final

from ..check import needs
from . import expectations
from .adapter import Adapter, Closed, Empty, Outcome, Taken

PYTHON: Final = f"CPython {platform.python_version()}"
STARTS_WITHIN_S: Final = 0.8
ENDS_WITHIN_S: Final = 0.8
POLL_S: Final = 0.0002
CLOSE: Final = needs("close" if sys.version_info >= (3, 13) else "")
QUEUE: Final = needs("offer refuses take wait threads bytecode")


def version_of(distribution: str) -> str:
    """Give an installed distribution's version, or "" where it is not installed."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(distribution)
    return ""


def _classes(library: str, name: str, side: str = "") -> tuple[type[Any], ...]:
    """Give the class of that name and the one of its side, or nothing where the library is not installed."""
    try:
        found: Any = getattr(importlib.import_module(library), name)
    except ImportError:
        return ()
    classes: list[type[Any]] = [found, type(getattr(found(1), side))] if side else [found]
    return tuple(classes)


def _shut_down_of(module: Any, name: str) -> tuple[type[Exception], ...]:
    """Give the exception of a queue that was shut down, where this version has one."""
    found = getattr(module, name, None)
    return () if found is None else (found,)


class _Queue(Adapter):
    """Use an object with `put_nowait` and `get(block, timeout)`, as `queue.Queue` has them."""

    full: ClassVar[tuple[type[Exception], ...]] = (queue.Full,)
    empty: ClassVar[tuple[type[Exception], ...]] = (queue.Empty,)
    shut_down: ClassVar[tuple[type[Exception], ...]] = ()
    _queue: Any

    def offer(self, item: Any) -> Outcome:
        try:
            self._queue.put_nowait(item)
        except self.full:
            return Outcome.FULL
        except self.shut_down:
            return Outcome.CLOSED
        return Outcome.ACCEPTED

    def take(self, timeout: float | None = None) -> Taken:
        try:
            return Taken(self._queue.get(timeout != 0, timeout or None))
        except self.empty:
            raise Empty from None
        except self.shut_down:
            raise Closed from None

    def close(self) -> None:
        self._queue.shutdown()


@final
class QueueQueue(_Queue):
    """`queue.Queue(capacity)`: `put_nowait`, `get`, and from 3.13 on `shutdown`."""

    title = "queue.Queue"
    version = PYTHON
    expected = expectations.QUEUE_QUEUE
    capabilities = QUEUE | CLOSE
    zero_is_unbounded = True
    judged = (queue.Queue, threading.Condition)
    shut_down = _shut_down_of(queue, "ShutDown")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._queue = queue.Queue(capacity)


@final
class QueueSimpleQueue(_Queue):
    """`queue.SimpleQueue()`, which takes no capacity. It is written in C."""

    title = "queue.SimpleQueue"
    version = PYTHON
    expected = expectations.QUEUE_SIMPLE_QUEUE
    native = True
    capabilities = QUEUE - {"refuses", "bytecode"}

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._queue = queue.SimpleQueue()


@final
class DequeMaxlen(Adapter):
    """`collections.deque(maxlen=capacity)`: `append`, which always takes the item, and `popleft`. It is written in C."""

    title = "collections.deque(maxlen)"
    version = PYTHON
    expected = expectations.DEQUE_MAXLEN
    native = True
    capabilities = needs("offer answers take threads")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._deque: deque[Any] = deque(maxlen=capacity)

    def offer(self, item: Any) -> Outcome:
        self._deque.append(item)
        return Outcome.ACCEPTED

    def take(self, timeout: float | None = None) -> Taken:
        del timeout
        try:
            return Taken(self._deque.popleft())
        except IndexError:
            raise Empty from None


@final
class AsyncioQueue(Adapter):
    """`asyncio.Queue(capacity)` used by one thread, as it must be: `put_nowait`, `get_nowait`, and from 3.13 on `shutdown`."""

    title = "asyncio.Queue"
    version = PYTHON
    expected = expectations.ASYNCIO_QUEUE
    capabilities = needs("offer refuses take bytecode") | CLOSE
    zero_is_unbounded = True
    judged = (asyncio.Queue,)
    shut_down: ClassVar[tuple[type[Exception], ...]] = _shut_down_of(asyncio, "QueueShutDown")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._queue: asyncio.Queue[Any] = asyncio.Queue(capacity)

    def offer(self, item: Any) -> Outcome:
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            return Outcome.FULL
        except self.shut_down:
            return Outcome.CLOSED
        return Outcome.ACCEPTED

    def take(self, timeout: float | None = None) -> Taken:
        del timeout
        try:
            return Taken(self._queue.get_nowait())
        except asyncio.QueueEmpty:
            raise Empty from None
        except self.shut_down:
            raise Closed from None

    def close(self) -> None:
        getattr(self._queue, "shutdown")()  # noqa: B009 - not there before 3.13


@final
class SemaphoreExecutor(Adapter):
    """A `ThreadPoolExecutor` whose `submit` is guarded by a `threading.BoundedSemaphore`, the recipe found in many answers.

    The semaphore is acquired without waiting, released by the future's callback. The work hands its item to whoever takes, and is
    done when the lease is released.

    The sweeps by interruption and re-entry can't go on to their end here, and leave BOUND-1, EXACT-1 and LOCAL-1 UNKNOWN: a thread
    that waits for ever in `submit` holds a lock of all executors of the process.
    """

    title = "BoundedSemaphore + ThreadPoolExecutor"
    version = PYTHON
    expected = expectations.SEMAPHORE_EXECUTOR
    capabilities = needs("offer refuses take wait release threads bytecode")
    judged = (ThreadPoolExecutor, threading.BoundedSemaphore, threading.Condition)

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._semaphore = threading.BoundedSemaphore(capacity)
        self._executor = ThreadPoolExecutor(max_workers=capacity)
        self._works: deque[_Work] = deque()  # in the order of submission: the pool's threads may start them in another

    def offer(self, item: Any) -> Outcome:
        if not self._semaphore.acquire(blocking=False):
            return Outcome.FULL
        work = _Work(item)
        self._works.append(work)
        try:
            future = self._executor.submit(work.run)
        except BaseException:
            work.interrupted = True
            self._semaphore.release()
            raise
        future.add_done_callback(lambda _: self._finish(work))
        return Outcome.ACCEPTED

    def _finish(self, work: "_Work") -> None:
        self._semaphore.release()
        work.freed.put(None)

    def take(self, timeout: float | None = None) -> "_Work":
        deadline_s = math.inf if timeout is None else time.monotonic() + timeout
        while (work := self._next()) is None:
            if time.monotonic() >= deadline_s:
                raise Empty
            time.sleep(POLL_S)
        return work

    def _next(self) -> "_Work | None":
        """Give the oldest work once a thread of the pool has started it."""
        try:
            work = self._works.popleft()
        except IndexError:
            return None
        try:
            work.started.get(timeout=STARTS_WITHIN_S)
        except queue.Empty:
            if not work.interrupted:  # its submission may go on; an interrupted one may never have come so far
                self._works.appendleft(work)
            return None
        return work


@final
class _Work(Taken):
    """Hold an item in a worker's thread until released, which ends the work. It is the lease, too."""

    def __init__(self, item: Any) -> None:
        super().__init__(item)
        self.interrupted = False
        self.started: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.freed: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[None] = queue.SimpleQueue()

    def run(self) -> None:
        self.started.put(None)
        self._done.get()

    def release(self) -> bool:
        if not super().release():
            return False
        self._done.put(None)
        with contextlib.suppress(queue.Empty):  # whose submission was interrupted is not told of its end
            self.freed.get(timeout=ENDS_WITHIN_S)
        return True


@final
class Aiologic(Adapter):
    """`aiologic.Queue(capacity)`: `green_put` and `green_get`, the first without waiting."""

    title = "aiologic.Queue"
    version = version_of("aiologic")
    expected = expectations.AIOLOGIC
    capabilities = QUEUE
    judged = _classes("aiologic", "Queue")

    def __init__(self, capacity: int) -> None:
        self._library: Any = importlib.import_module("aiologic")
        self.capacity = capacity
        self._queue: Any = self._library.Queue(capacity)

    def offer(self, item: Any) -> Outcome:
        try:
            self._queue.green_put(item, blocking=False)
        except self._library.QueueFull:
            return Outcome.FULL
        return Outcome.ACCEPTED

    def take(self, timeout: float | None = None) -> Taken:
        try:
            return Taken(self._queue.green_get(blocking=timeout != 0, timeout=timeout or None))
        except self._library.QueueEmpty:
            raise Empty from None


class _TwoSided(_Queue):
    """Use the side for threads of a queue that has another for asyncio."""

    zero_is_unbounded = True
    capabilities = QUEUE
    library: ClassVar[str]

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._both: Any = importlib.import_module(self.library).Queue(capacity)
        self._queue = self._both.sync_q


@final
class Culsans(_TwoSided):
    """`culsans.Queue(capacity).sync_q`: `put_nowait` and `get`."""

    title = "culsans.Queue"
    version = version_of("culsans")
    expected = expectations.CULSANS
    library = "culsans"
    judged = _classes("culsans", "Queue", "sync_q")


@final
class Janus(_TwoSided):
    """`janus.Queue(capacity).sync_q`: `put_nowait` and `get`."""

    title = "janus.Queue"
    version = version_of("janus")
    expected = expectations.JANUS
    library = "janus"
    judged = (*_classes("janus", "Queue", "sync_q"), threading.Condition)


PEERS: Final[tuple[type[Adapter], ...]] = (
    QueueQueue,
    QueueSimpleQueue,
    DequeMaxlen,
    AsyncioQueue,
    Aiologic,
    Culsans,
    Janus,
    SemaphoreExecutor,
)
