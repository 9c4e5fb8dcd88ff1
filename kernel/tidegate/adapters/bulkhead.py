# SPDX-License-Identifier: MIT
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

How it works
    To enter is to offer and to take at once. Items are all alike (None), so it does not matter whose item a caller takes. An
    exception that arrives between the two leaves an item in the queue with nobody to take it (the kernel loses none). No handler
    can tell whether the offer that it interrupted was accepted, so after the first such exception every refusal looks into the
    queue, and goes inside on what it finds. That may be the item of a caller who is between offer and take at this moment: that
    one finds nothing and offers again, and its second answer is true as well.

Prior art
    The bulkhead of M. Nygard's "Release It!"; resilience4j's `Bulkhead`, with no time to wait; Envoy's circuit breakers.

Considered and rejected
    A semaphore: an exception between `acquire` and `try` loses a permit for good. Waiting for a slot: a queue without a bound.
    Looking on every refusal: a second step for each, and counts that race even if no exception ever came. Noting each interruption
    and looking once for it: the note is spent too soon when the item is still on its way back. Taking the item back in the handler:
    it might be that of somebody who is entering, who would be refused though nobody is inside.

Limits
    Two exceptions inside one recovery may cost a slot until the next interrupted entry. An exception between `enter` and `with`
    gives the slot back when the lease dies, which its traceback may delay. Once an entry was interrupted, a caller that was
    refused and went inside on what it found is counted as `full` in `statistics`, too.
"""

from collections.abc import Callable, Mapping
from traceback import clear_frames
from typing import Final, Literal, final

from .. import Closed, Empty, Intake, Lease, Outcome, Statistics

Refusal = Literal[Outcome.FULL, Outcome.CLOSED]

BUSY: Final = b"busy, try again later\n"


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
        while True:  # each further turn is the success of another caller, who went inside with our item
            refusal: Refusal | None = None
            lease: Lease[None] | None = None
            try:
                outcome = intake.offer(None)
                if outcome is not Outcome.ACCEPTED:
                    refusal = outcome
                    if refusal is Outcome.CLOSED or not self._interrupted:
                        return refusal
                lease = intake.take(timeout=0)
                _ = lease.item  # seen: dropped from here on, it frees its slot and puts nothing back
                return lease
            except (Empty, Closed):
                if refusal is not None:
                    return refusal
            except BaseException as error:
                lease = None
                clear_frames(error.__traceback__)  # one of them may hold a lease: its item has to be back before anyone looks
                self._interrupted = True
                if self._closed:
                    self._empty()  # whoever drains must not wait for an item that nobody takes
                raise

    def close(self) -> None:
        """Refuse everybody from now on, for good. Never waits, idempotent. Calls inside go on; one just entering may be refused."""
        self._closed = True  # first: an entry interrupted after this clears up itself, even should this call be interrupted, too
        self._intake.close()
        self._empty()

    def drain(self, timeout: float | None = None) -> int:
        """Close, wait up to `timeout` seconds until nobody is inside, and give the number of calls that still are.

        Raises TypeError or ValueError for a bad `timeout`; it is closed then, too.
        """
        self.close()
        return self._intake.drain(timeout)

    def statistics(self) -> Statistics:
        """Count slots and answers: `in_flight` are inside, `queued` are entering or were left behind by an interrupted entry."""
        return self._intake.statistics()

    def _empty(self) -> None:
        """Free the slots of whatever is in the queue of a closed bulkhead; who is just entering offers again and is told CLOSED."""
        try:
            while True:
                self._intake.take(timeout=0).release()
        except (Empty, Closed):
            return

    def __repr__(self) -> str:
        return f"<tidegate.Bulkhead of {self._intake!r}>"


# What the two middlewares share.


def by_path(bulkheads: Bulkhead | Mapping[str, Bulkhead]) -> Callable[[str], Bulkhead | None]:
    """Give the function that finds a path's bulkhead: the one there is, or that of the longest prefix that ends at a slash.

    None where no prefix matches. Raises ValueError for a prefix that does not begin with a slash, or that is there twice but for
    slashes at its end; TypeError for anything that is no bulkhead.
    """
    if isinstance(bulkheads, Bulkhead):
        return lambda _path: bulkheads
    routes: dict[str, Bulkhead] = {}
    for prefix, bulkhead in dict(bulkheads).items():
        if not prefix.startswith("/"):
            raise ValueError(f"a prefix must begin with '/', not {prefix!r}")
        if not isinstance(bulkhead, Bulkhead):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{prefix!r} must lead to a Bulkhead, not {type(bulkhead).__name__}")
        if routes.setdefault(prefix.rstrip("/") + "/", bulkhead) is not bulkhead:
            raise ValueError(f"there are two bulkheads for {prefix!r}")
    longest_first = sorted(routes.items(), key=lambda route: len(route[0]), reverse=True)

    def find(path: str) -> Bulkhead | None:
        return next((bulkhead for prefix, bulkhead in longest_first if f"{path}/".startswith(prefix)), None)

    return find


def busy_headers(retry_after_s: object) -> list[tuple[str, str]]:
    """Give the headers of a 503 whose body is `BUSY` (RFC 9110, 10.2.3). TypeError or ValueError for a bad number of seconds."""
    if not isinstance(retry_after_s, int) or isinstance(retry_after_s, bool):
        raise TypeError(f"retry_after_s must be an int, not {type(retry_after_s).__name__}")
    if retry_after_s < 0:
        raise ValueError(f"retry_after_s must be at least 0 seconds, not {retry_after_s}")
    return [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(BUSY))),
        ("Retry-After", str(retry_after_s)),
    ]
