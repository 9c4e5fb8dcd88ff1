# SPDX-License-Identifier: MIT
# pyright: reportPrivateUsage=false
"""At most so many calls in progress, and an answer at once for the next one: the bulkhead of a service.

    from tidegate.adapters.bulkhead import Bulkhead

    bulkhead = Bulkhead(8)

    def handle(request):
        lease = bulkhead.enter()
        if not lease:                     # Outcome.FULL or Outcome.CLOSED: the eight others are still at it
            return busy()
        with lease:                       # the slot is held for the length of the call
            return work(request)

A lease is a call that is inside: it is true, and it ends with its `with`, however that ends. FULL and CLOSED are false (a type
checker may want `isinstance(lease, Outcome)` to believe it). There is no queue and no wait: a caller that is refused can do
something else at once, which a caller that waits cannot. The limit is one process's own.

A signal handler may call everything but a `drain` that waits: it would wait for a call that it interrupted. There use `close`, or
`drain(timeout=0)`.

How it works
    To enter is to offer and to take at once. Items are all alike (None), so it does not matter whose item a caller takes. An
    exception that arrives between the two leaves an item in the queue with nobody to take it (the kernel loses none). No handler
    can tell whether the offer that it interrupted was accepted, so after the first such exception every refusal looks into the
    queue, and goes inside on what it finds. That may be the item of a caller who is between offer and take at this moment: that
    one finds nothing and offers again, and its second answer is true as well. A lease that has a name already when the exception
    comes is released at once: whatever the traceback keeps, it keeps no slot.

Prior art
    The bulkhead of M. Nygard's "Release It!"; resilience4j's `Bulkhead`, with no time to wait; Envoy's circuit breakers.

Considered and rejected
    A semaphore: an exception between `acquire` and `try` loses a permit for good. Waiting for a slot: a queue without a bound.
    Looking on every refusal: a second step for each, and counts that race even if no exception ever came. Noting each interruption
    and looking once for it: the note is spent too soon when the item is still on its way back. Taking the item back in the handler:
    it might be that of somebody who is entering, who would be refused though nobody is inside. `traceback.clear_frames`, so that a
    lease dies that a frame holds: some of the frames are not ours, and until 3.12 it ends generators that only stand still.
    A drain of an event loop in a thread of its own: a cancellation could not call it back while it waits in C.

Limits
    Two exceptions inside one recovery may cost a slot until the next interrupted entry. An exception between `enter` and `with`
    gives the slot back when the lease dies, which its traceback may delay. Once an entry was interrupted, a caller that was
    refused and went inside on what it found is counted as `full` in `statistics`, too.
"""

import math
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from types import BuiltinFunctionType, TracebackType
from typing import Any, Final, Literal, final

from .. import Intake, Lease, Outcome, Statistics
from .._intake import NO_LEASE, Quietly, _checked_timeout

Refusal = Literal[Outcome.FULL, Outcome.CLOSED]
Take = Callable[[Quietly], Lease[None]]
Seconds = int | float  # at run time an int is no float

BUSY: Final = b"busy, try again later\n"
NOW: Final = Quietly(0)
TAKE: Final = Intake.take.__code__  # pyright: ignore[reportUnknownMemberType] - of any intake
PAUSE_S: Final = 0.001  # between two looks of a drain that must not wait in C; each further one is twice as long
LONGEST_PAUSE_S: Final = 0.05


@final
class Bulkhead:
    """Let in up to `capacity` calls, and refuse the next one at once (BULKHEAD-1).

    Any number of threads, and tasks of any event loop, may call any method at any time. Raises what `Intake` raises for a bad
    `capacity`. After a fork nobody is inside in the child.
    """

    __slots__ = ("__weakref__", "_closed", "_intake", "_interrupted")

    def __init__(self, capacity: int) -> None:
        self._intake: Final[Intake[None]] = Intake(capacity)
        self._interrupted = False  # an entry was, and may have left an item behind; for good: it may still be on its way back
        self._closed = False

    @property
    def capacity(self) -> int:
        """The number of calls that may be inside at once."""
        return self._intake.capacity

    def enter(self) -> Lease[None] | Refusal:
        """Go inside, until the lease is released, or be refused; never waits (BULKHEAD-1, BULKHEAD-2).

        A lease, which is true: to be used as a context manager. FULL, which is false: at an instant within this call every slot was
        held. CLOSED, which is false: the bulkhead is closed for good. Interrupted by an exception, the caller is not inside; a slot
        that was taken for it is found by the next call that would be refused.
        Linearization points: a lease, taking it; FULL and CLOSED, those of `Intake.offer`.
        """
        intake = self._intake
        take: Take = intake.take
        while True:  # each further turn is the success of another caller, who went inside with our item
            refusal: Refusal | None = None
            lease: Lease[None] = NO_LEASE
            try:
                outcome = intake.offer(None)
                if outcome is not Outcome.ACCEPTED:
                    refusal = outcome
                    if refusal is Outcome.CLOSED or not self._interrupted:
                        return refusal
                lease = take(NOW)
                if lease is not NO_LEASE:
                    _ = lease.item  # seen: dropped from here on, it frees its slot and puts nothing back
                    return lease
                if refusal is not None:
                    return refusal
            except BaseException as error:
                self._interrupted = True
                if lease is not NO_LEASE:
                    lease.release()  # the traceback may keep it
                _let_go(error.__traceback__)
                if self._closed:
                    self._empty()  # whoever drains must not wait for an item that nobody takes
                raise

    def close(self) -> None:
        """Refuse everybody from now on, for good. Never waits, idempotent. Calls inside go on; one just entering may be refused."""
        self._closed = True  # first: an entry interrupted after this clears up itself, even should this call be interrupted, too
        self._intake.close()
        self._empty()

    def drain(self, timeout: Seconds | None = None) -> int:
        """Close, wait up to `timeout` seconds until nobody is inside, and give the number of calls that still are.

        It waits in this thread: in an event loop use `drain_async`, and in a signal handler `timeout=0`, which never waits.
        Raises TypeError or ValueError for a bad `timeout`; it is closed then, too.
        """
        self.close()
        if isinstance(time.sleep, BuiltinFunctionType):
            return self._intake.drain(timeout)
        # gevent or eventlet has put its own there: a wait in C would stop those who are inside.
        deadline, pause_s = _deadline(timeout), PAUSE_S
        while (left := self._intake.drain(0)) and (remaining_s := deadline - time.monotonic()) > 0:
            time.sleep(min(pause_s, remaining_s))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return left

    async def drain_async(self, timeout: Seconds | None = None) -> int:
        """Do the same while the event loop goes on, asyncio's or trio's: it looks, 1 ms later, and at least every 50 ms.

        Cancelled, it leaves nothing behind but a closed bulkhead.
        """
        self.close()
        deadline, pause_s, sleep = _deadline(timeout), PAUSE_S, _sleep_of_this_loop()
        while (left := self._intake.drain(0)) and (remaining_s := deadline - time.monotonic()) > 0:
            await sleep(min(pause_s, remaining_s))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return left

    def statistics(self) -> Statistics:
        """Count slots and answers: `in_flight` are inside, `queued` are entering or were left behind by an interrupted entry."""
        return self._intake.statistics()

    def _empty(self) -> None:
        """Free the slots of whatever is in the queue of a closed bulkhead; who is just entering offers again and is told CLOSED."""
        take: Take = self._intake.take
        lease: Lease[None] = NO_LEASE
        try:
            while (lease := take(NOW)) is not NO_LEASE:
                lease.release()
        except BaseException as error:
            if lease is not NO_LEASE:
                lease.release()  # the traceback may keep it
            _let_go(error.__traceback__)
            raise

    def __repr__(self) -> str:
        return f"<tidegate.Bulkhead of {self._intake!r}>"


def _let_go(trace: TracebackType | None) -> None:
    """Have the kernel's frames in a traceback hold no lease: under a tracer one can end as it returns it. No others are cleared."""
    while trace is not None:
        if trace.tb_frame.f_code is TAKE:
            trace.tb_frame.clear()
        trace = trace.tb_next


def _deadline(timeout: Seconds | None) -> float:
    return math.inf if timeout is None else _checked_timeout(timeout)[1]


def _sleep_of_this_loop() -> Callable[[float], Awaitable[object]]:
    trio: Any = sys.modules.get("trio")
    lowlevel = sys.modules.get("trio.lowlevel")
    if trio and getattr(lowlevel, "in_trio_task", bool)():  # asked first: trio may be a guest of an asyncio loop
        sleep: Callable[[float], Awaitable[object]] = trio.sleep
        return sleep
    import asyncio  # here: for those who have a loop

    return asyncio.sleep


# What the two middlewares share.


@final
class _Rule:
    """Have all paths below a prefix go to a bulkhead, or to none: not limited."""

    __slots__ = ("begin", "bulkhead", "matched", "prefix")

    def __init__(self, prefix: str, begin: str, bulkhead: Bulkhead | None) -> None:
        self.prefix, self.begin, self.bulkhead, self.matched = prefix, begin, bulkhead, False


@final
class Rules:
    """Find the bulkhead of a request: the one there is, or that of the longest prefix that ends where a segment of the path ends.

    Raises ValueError for a prefix that does not begin with a slash, or that is there twice but for slashes at its end; TypeError
    for anything that is no bulkhead and not None.
    """

    def __init__(self, bulkheads: Bulkhead | Mapping[str, Bulkhead | None]) -> None:
        rules: dict[str, _Rule] = {}
        for prefix, bulkhead in dict({"/": bulkheads} if isinstance(bulkheads, Bulkhead) else bulkheads).items():
            if not prefix.startswith("/"):
                raise ValueError(f"a prefix must begin with '/', not {prefix!r}")
            if not isinstance(getattr(bulkhead, "bulkhead", bulkhead), Bulkhead | None):  # of an admission: what is behind it
                raise TypeError(f"{prefix!r} must lead to a Bulkhead or to None, not {type(bulkhead).__name__}")
            rule = _Rule(prefix, prefix.rstrip("/") + "/", bulkhead)
            if rules.setdefault(rule.begin, rule).bulkhead is not bulkhead:
                raise ValueError(f"there are two bulkheads for {prefix!r}")
        self._longest_first = sorted(rules.values(), key=lambda rule: len(rule.begin), reverse=True)

    def bulkhead_of(self, path: str, root: str = "") -> Any:
        """Give the bulkhead for a path, as the server tells it, of an application that is mounted at `root`. None: not limited.

        A path with a dot segment (`/healthz/../reports`) is never exempt: applications do not agree on what it is.
        """
        path = own_path(path, root) + "/"
        dots = "/./" in path or "/../" in path
        for rule in self._longest_first:
            if path.startswith(rule.begin) and not (dots and rule.bulkhead is None):
                rule.matched = True
                return rule.bulkhead
        return None

    @property
    def bulkheads(self) -> tuple[Bulkhead, ...]:
        """All bulkheads that a request may be led to."""
        return tuple(rule.bulkhead for rule in self._longest_first if rule.bulkhead is not None)

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The prefixes that no request has matched yet, in this process."""
        return tuple(rule.prefix for rule in self._longest_first if not rule.matched)


def own_path(path: str, root: str = "") -> str:
    """Give a request's path within its application, with a slash at its beginning whatever the form of its target (RFC 9112, 3.2).

    An absolute target (`http://host/a`) is reduced to its path. `*`, an authority (`host:1`) and a path without its slash get one,
    so that "/" is for everything. `root` is taken away once if it is there and ends where a segment ends: some servers tell the
    whole path, some the rest. Should the rest itself begin with `root`, the two can't be told apart: it is taken away, as Starlette
    and Django do.
    """
    path = _without_authority(path)
    if root and path.startswith(root):
        rest = _without_authority(path[len(root) :])  # uvicorn puts its root before targets of any form
        if rest[:1] in {"", "/"} or root.endswith("/"):
            path = rest
    return path if path.startswith("/") else "/" + path


def _without_authority(target: str) -> str:
    scheme, found, rest = target.partition("://")
    return "/" + rest.partition("/")[2] if found and scheme and "/" not in scheme else target


def busy_headers(retry_after_s: object, length: int = len(BUSY)) -> list[tuple[str, str]]:
    """Give the headers of a refusal with a body of text (RFC 9110, 10.2.3). TypeError or ValueError for a bad number of seconds."""
    if not isinstance(retry_after_s, int) or isinstance(retry_after_s, bool):
        raise TypeError(f"retry_after_s must be an int, not {type(retry_after_s).__name__}")
    if retry_after_s < 0:
        raise ValueError(f"retry_after_s must be at least 0 seconds, not {retry_after_s}")
    return [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(length)),
        ("Retry-After", str(retry_after_s)),
    ]
