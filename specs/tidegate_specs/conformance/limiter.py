"""Adapters for limiters: whatever lets so many callers inside at once and makes the others wait, or sends them away.

    class MyLimiter(LimiterAdapter):
        capabilities = needs("refuses wait threads bytecode")
        judged = (my.Limiter,)

        def __init__(self, capacity: int) -> None:
            self.capacity = capacity
            self._limiter = my.Limiter(capacity)

        def use(self, body: Callable[[], object], *, wait: bool) -> bool:
            if not self._limiter.acquire(blocking=wait):
                return False
            with self._limiter.held():
                body()
            return True

`use` has to be what the documentation says: it goes inside, calls the body, leaves whatever the body does, and says whether it was
inside. Of a limiter that can only wait, `refuses` is not declared, and `wait` is true. One of asyncio is an `AsyncLimiterAdapter`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from .adapter import Expected


class _Limiting:
    """Hold what both kinds of adapters declare, as `Adapter` does."""

    capabilities: ClassVar[frozenset[str]] = frozenset()
    judged: ClassVar[tuple[type[Any], ...]] = ()
    title: ClassVar[str] = ""
    version: ClassVar[str] = ""
    expected: ClassVar[Mapping[str, Expected]] = {}
    capacity: int

    def __init__(self, capacity: int) -> None:
        # A subclass must say how: the smoke test tells this as bad usage, before anything is judged.
        raise NotImplementedError(f"{type(self).__name__} can't be made")


class LimiterAdapter(_Limiting):
    """Give a limiter for threads the one verb that is judged. Subclass it, and declare what it can do.

    capabilities: of `refuses` (sends away at once), `wait` (waits for a place), `threads` and `bytecode`.
    """

    def use(self, body: Callable[[], object], *, wait: bool) -> bool:
        """Go inside, call the body, leave. False: refused at once, which it must not be where `wait` is true."""
        raise NotImplementedError  # for the subclass to give; without it the smoke test ends with bad usage


class AsyncLimiterAdapter(_Limiting):
    """Give a limiter for asyncio the one verb that is judged. A `body` is awaited; tasks are cancelled inside and on the way in."""

    async def use(self, body: Callable[[], Awaitable[object]], *, wait: bool) -> bool:
        """Go inside, await the body, leave. False: refused at once, which it must not be where `wait` is true."""
        raise NotImplementedError  # for the subclass to give; without it the smoke test ends with bad usage
