"""Limiters that are wrong on purpose, each in one way, and right ones, which must not be accused: our own among them.

`breaks` names the clauses that the fault breaks: at least one must be found ILLEGAL, and no other one.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final

from tidegate.adapters.aio import AsyncIntake
from tidegate.adapters.bulkhead import Bulkhead

from ..check import needs
from .honest import Kernel
from .limiter import AsyncLimiterAdapter, LimiterAdapter


class OurBulkhead(LimiterAdapter):
    """`Bulkhead(capacity)`, which never waits: `enter`, and what it gives as a context manager."""

    capabilities = needs("refuses threads bytecode")
    judged = (Bulkhead, *Kernel.judged)
    title = "tidegate.adapters.bulkhead.Bulkhead"
    breaks: ClassVar[tuple[str, ...]] = ()

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._bulkhead = Bulkhead(capacity)

    def use(self, body: Callable[[], object], *, wait: bool) -> bool:
        del wait
        lease: Any = self._bulkhead.enter()
        if not lease:
            return False
        with lease:
            body()
        return True


class OurAsyncIntake(AsyncLimiterAdapter):
    """`AsyncIntake(capacity)`: an offer, and what is taken for it at once. Where it is full, it does not wait but tries again."""

    capabilities = needs("refuses wait bytecode")
    judged = (AsyncIntake,)
    title = "tidegate.adapters.aio.AsyncIntake"
    breaks: ClassVar[tuple[str, ...]] = ()

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._intake: AsyncIntake[None] = AsyncIntake(capacity)

    async def use(self, body: Callable[[], Awaitable[object]], *, wait: bool) -> bool:
        while not self._intake.offer(None):
            if not wait:
                return False
            await asyncio.sleep(0)
        async with self._intake.take():
            await body()
        return True


class Counted(LimiterAdapter):
    """Be right but for exceptions: a count behind a condition."""

    capabilities = needs("refuses wait threads bytecode")
    breaks: ClassVar[tuple[str, ...]] = ("INTERRUPT-1", "BOUND-2")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.changed = threading.Condition()
        self.inside = 0

    def use(self, body: Callable[[], object], *, wait: bool) -> bool:
        if not self.enter(wait=wait):
            return False
        try:
            body()
        finally:
            self.leave()
        return True

    def enter(self, *, wait: bool) -> bool:
        with self.changed:
            while self.inside >= self.capacity:
                if not wait:
                    return False
                self.changed.wait()
            self.inside += 1
            return True

    def leave(self) -> None:
        with self.changed:
            self.inside -= 1
            self.changed.notify()


class LooksThenEnters(Counted):
    """Let two in at one place: look whether there is one before the lock is taken."""

    breaks: ClassVar[tuple[str, ...]] = ("BOUND-1", "INTERRUPT-1", "BOUND-2")

    def enter(self, *, wait: bool) -> bool:
        if not wait and self.inside >= self.capacity:
            return False
        with self.changed:
            while wait and self.inside >= self.capacity:
                self.changed.wait()
            self.inside += 1
            return True


class WakesTwo(Counted):
    """Let two in for one who leaves: whoever was woken does not look again."""

    breaks: ClassVar[tuple[str, ...]] = ("BOUND-1", "INTERRUPT-1", "BOUND-2")

    def enter(self, *, wait: bool) -> bool:
        with self.changed:
            if self.inside >= self.capacity:
                if not wait:
                    return False
                self.changed.wait()
            self.inside += 1
            return True

    def leave(self) -> None:
        with self.changed:
            self.inside -= 1
            self.changed.notify(2)


class KeepsAfterAnError(Counted):
    """Lose the place of a body that raises."""

    def use(self, body: Callable[[], object], *, wait: bool) -> bool:
        if not self.enter(wait=wait):
            return False
        body()
        self.leave()
        return True


class Queued(AsyncLimiterAdapter):
    """Be right, with tasks: who leaves hands the place over, and one who is cancelled with it in hand passes it on."""

    capabilities = needs("wait bytecode")
    breaks: ClassVar[tuple[str, ...]] = ()

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.free = capacity
        self.waiters: deque[asyncio.Future[None]] = deque()

    async def use(self, body: Callable[[], Awaitable[object]], *, wait: bool) -> bool:
        del wait
        await self.enter()
        try:
            await body()
        finally:
            self.leave()
        return True

    async def enter(self) -> None:
        if self.free and not self.waiters:
            self.free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            self.cancelled(waiter)
            raise

    def cancelled(self, waiter: "asyncio.Future[None]") -> None:
        if waiter in self.waiters:
            self.waiters.remove(waiter)
        elif not waiter.cancelled():
            self.leave()

    def leave(self) -> None:
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.free += 1


class KeepsWhatItWasHanded(Queued):
    """Lose the place of a task that is cancelled with it in hand."""

    breaks: ClassVar[tuple[str, ...]] = ("INTERRUPT-1", "BOUND-2")

    def cancelled(self, waiter: "asyncio.Future[None]") -> None:
        if waiter in self.waiters:
            self.waiters.remove(waiter)


class OneMoreTask(Queued):
    """Have one place more."""

    breaks: ClassVar[tuple[str, ...]] = ("BOUND-1",)

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.free += 1


RIGHT: Final = (OurBulkhead, OurAsyncIntake, Queued)
WRONG: Final = (Counted, LooksThenEnters, WakesTwo, KeepsAfterAnError, KeepsWhatItWasHanded, OneMoreTask)
