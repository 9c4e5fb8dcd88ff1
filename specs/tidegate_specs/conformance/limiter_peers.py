"""Adapters for limiters that people use, each used as its documentation says. What is expected of each stands beside it."""

import asyncio
import importlib
import multiprocessing
import multiprocessing.synchronize
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, final

from ..check import needs
from .adapter import Expected
from .limiter import AsyncLimiterAdapter, LimiterAdapter
from .peers import PYTHON, version_of

_OUT_OF_THIN_AIR: Final = "https://docs.python.org/3/library/signal.html#note-on-signal-handlers-and-exceptions"
_LOSES: Final = (
    "an exception that arrives after the place was counted, and before the caller has it, or while it is given back, loses the "
    "place or leaves the lock locked; the documentation of signal says that most code can't be made robust against that"
)


def _loses(reason: str, link: str) -> dict[str, Expected]:
    """Expect a place to be lost by an exception, or by a cancellation, which is one."""
    return {"INTERRUPT-1": Expected(reason, link, ("exception",)), "BOUND-2": Expected(reason, link, ("exception",))}


@final
class ThreadingBoundedSemaphore(LimiterAdapter):
    """`threading.BoundedSemaphore(capacity)`: `acquire(blocking=False)` and `release`, by one thread.

    What threads do that meet in it is not judged: its waits are not simulated.
    """

    title = "threading.BoundedSemaphore"
    version = PYTHON
    capabilities = needs("refuses bytecode")
    judged = (threading.BoundedSemaphore, threading.Condition)
    expected = _loses(_LOSES, _OUT_OF_THIN_AIR)

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._semaphore = threading.BoundedSemaphore(capacity)

    def use(self, body: Callable[[], object], *, wait: bool) -> bool:
        if not self._semaphore.acquire(blocking=wait):
            return False
        try:
            body()
        finally:
            self._semaphore.release()
        return True


@final
class MultiprocessingBoundedSemaphore(LimiterAdapter):
    """`multiprocessing.BoundedSemaphore(capacity)` as a context manager, by one thread of one process."""

    title = "multiprocessing.BoundedSemaphore"
    version = PYTHON
    capabilities = needs("refuses bytecode")
    judged = (multiprocessing.synchronize.BoundedSemaphore,)
    expected = _loses(_LOSES, _OUT_OF_THIN_AIR)

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._semaphore = multiprocessing.BoundedSemaphore(capacity)

    def use(self, body: Callable[[], object], *, wait: bool) -> bool:
        del wait
        if not self._semaphore.get_value():
            return False
        with self._semaphore:
            body()
        return True


class _Guarded(AsyncLimiterAdapter):
    """Use what is entered by `async with`, and waits."""

    capabilities = needs("wait bytecode")
    _limiter: Any

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._limiter = self._make(capacity)

    def _make(self, capacity: int) -> Any:
        raise NotImplementedError

    def _entered(self) -> Any:
        return self._limiter

    async def use(self, body: Callable[[], Awaitable[object]], *, wait: bool) -> bool:
        del wait
        async with self._entered():
            await body()
        return True


@final
class AsyncioSemaphore(_Guarded):
    """`asyncio.Semaphore(capacity)`."""

    title = "asyncio.Semaphore"
    version = PYTHON
    judged = (asyncio.Semaphore,)

    def _make(self, capacity: int) -> Any:
        return asyncio.Semaphore(capacity)


@final
class AnyioCapacityLimiter(_Guarded):
    """`anyio.CapacityLimiter(capacity)`, on asyncio."""

    title = "anyio.CapacityLimiter"
    version = version_of("anyio")

    def _make(self, capacity: int) -> Any:
        return importlib.import_module("anyio").CapacityLimiter(capacity)


@final
class Nopanic(LimiterAdapter):
    """`nopanic.bulkhead(capacity).guard()`, which waits; and with `max_wait=0`, which does not."""

    title = "nopanic.bulkhead"
    version = version_of("nopanic")
    capabilities = needs("refuses bytecode")
    expected = _loses(_LOSES, _OUT_OF_THIN_AIR)

    def __init__(self, capacity: int) -> None:
        self._library: Any = importlib.import_module("nopanic")
        self.capacity = capacity
        self._bulkhead = self._library.bulkhead(capacity, max_wait=0)

    def use(self, body: Callable[[], object], *, wait: bool) -> bool:
        del wait
        inside: list[None] = []
        try:
            with self._bulkhead.guard():
                inside.append(None)
                body()
        except self._library.BulkheadFull:
            if inside:
                raise
            return False
        return True


@final
class NopanicTasks(_Guarded):
    """`nopanic.bulkhead(capacity).guard()`, with `async with`."""

    title = "nopanic.bulkhead (asyncio)"
    version = version_of("nopanic")

    def _make(self, capacity: int) -> Any:
        return importlib.import_module("nopanic").bulkhead(capacity)

    def _entered(self) -> Any:
        return self._limiter.guard()


@final
class Bulklink(_Guarded):
    """`bulklink.AsyncBulkhead(...).slot()`, with a waiting room."""

    title = "bulklink.AsyncBulkhead"
    version = version_of("bulklink")

    def _make(self, capacity: int) -> Any:
        return importlib.import_module("bulklink").AsyncBulkhead(label="judged", parallelism=capacity, waiting_room=8)

    def _entered(self) -> Any:
        return self._limiter.slot()


@final
class Hyx(_Guarded):
    """`hyx.bulkhead.bulkhead(max_concurrency, max_capacity)`, with `async with`. Eight more than there are places may wait."""

    title = "hyx.bulkhead"
    version = version_of("hyx")
    expected = _loses(
        "a task that is cancelled while it waits keeps its part of max_capacity for good, so after max_capacity such cancellations "
        "everybody is refused; the decorator of the same bulkhead gives it back",
        "https://pypi.org/project/hyx/0.0.2/",
    )

    def _make(self, capacity: int) -> Any:
        return importlib.import_module("hyx.bulkhead").bulkhead(max_concurrency=capacity, max_capacity=capacity + 8)


@final
class Pyresilience(LimiterAdapter):
    """`resilient(bulkhead=BulkheadConfig(capacity, max_wait=0))`, a decorator."""

    title = "pyresilience"
    version = version_of("pyresilience")
    capabilities = needs("refuses bytecode")
    expected = _loses(_LOSES, _OUT_OF_THIN_AIR)

    def __init__(self, capacity: int) -> None:
        self._library: Any = importlib.import_module("pyresilience")
        self.capacity = capacity
        config = self._library.BulkheadConfig(max_concurrent=capacity, max_wait=0)
        self._run = self._library.resilient(bulkhead=config)(_call)

    def use(self, body: Callable[[], object], *, wait: bool) -> bool:
        del wait
        inside: list[None] = []
        try:
            self._run(inside, body)
        except self._library.BulkheadFullError:
            if inside:
                raise
            return False
        return True


def _call(inside: list[None], body: Callable[[], object]) -> None:
    inside.append(None)
    body()


@final
class AioFairshare(_Guarded):
    """`FairShareSemaphore(capacity)` with one tenant, who may have all places: `acquire`, with `async with`."""

    title = "aio-fairshare"
    version = version_of("aio-fairshare")
    expected = _loses(
        "a task that is cancelled just as it was woken does not wake the next one, which waits for ever although a place is free",
        "https://pypi.org/project/aio-fairshare/0.2.1/",
    )

    def _make(self, capacity: int) -> Any:
        return importlib.import_module("aio_fairshare").FairShareSemaphore(capacity)

    async def use(self, body: Callable[[], Awaitable[object]], *, wait: bool) -> bool:
        del wait
        await self._limiter.register_tenant("the only one")
        async with self._limiter.acquire("the only one"):
            await body()
        return True


def _pyresilience() -> tuple[type[Any], ...]:
    try:
        return (importlib.import_module("pyresilience._bulkhead").Bulkhead,)
    except ImportError:
        return ()


def _nopanic() -> tuple[type[Any], ...]:
    """Give what is stepped through of nopanic, where it is installed."""
    try:
        module: Any = importlib.import_module("nopanic.bulkhead")
    except ImportError:
        return ()
    found = sys.modules["nopanic.bulkhead"] if isinstance(module, type) else module
    return (found.bulkhead, found._BulkheadGuard, threading.BoundedSemaphore, threading.Condition)


Nopanic.judged = _nopanic()
Pyresilience.judged = _pyresilience()
LIMITERS: Final[tuple[type[LimiterAdapter | AsyncLimiterAdapter], ...]] = (
    ThreadingBoundedSemaphore,
    MultiprocessingBoundedSemaphore,
    AsyncioSemaphore,
    AnyioCapacityLimiter,
    Nopanic,
    NopanicTasks,
    Bulklink,
    Hyx,
    Pyresilience,
    AioFairshare,
)
