# SPDX-License-Identifier: MIT
# pyright: reportPrivateUsage=false
"""Work still worth doing: an intake whose items are handed out within their patience, or not at all.

    from tidegate.policies.freshness import FreshIntake

    intake = FreshIntake(64, patience_s=0.05)
    if not intake.offer(request):         # FULL, CLOSED or Shed.LATE, all false: the request is still yours
        return busy()

    for lease in intake:                  # in a worker: only requests that have waited for at most 0.05 s
        with lease as request:
            answer(request)

A wall alone is right for one service time. If it is too large, or the service becomes slower, every item is taken after whoever
sent it has given up. Patience is how long an item may wait to be taken: what its caller waits, less what the work takes; half of it
where that is not known.

How long an offer has to expect to wait
    As long as the workers, at the pace of the last interval, need for what is queued now; nothing is expected unless a queue has
    stood for that whole interval, that is, unless the item that ended it had been queued when it began.

    An interval is half of the intake's patience; it ends with the first item that is handed out after it. A burst that is shorter,
    and finds no queue, is never shed: for a whole interval from its beginning everything handed out was offered within it. When
    nothing was measured yet, or not lately (two intervals), nothing is expected and the wall answers alone.

How it works
    An item is kept in the intake with the time of its offer and its patience. The taker looks at the two while the lease below is
    still unseen (LEASE-1), so whatever ends its call before the item is handed out puts it back in the queue. What has expired is
    released, counted, and then told. `FreshLease` owns that lease below: what becomes of the one becomes of the other.

    Beside the public API it reads, and never writes, the slots of its own intake: in `_judge` what an unseen lease holds, as to
    read `lease.item` is a look, after which an interrupted take would abandon it; in `_is_late` and `_all_queued` what waits. It
    notices a fork and yields the processor as the core does.

Prior art
    CoDel (K. Nichols, V. Jacobson, 2012): a queue is bad when it stands, not when it is long; an interval tells the two apart.
    B. Maurer's "Fail at Scale" (2015): a time-out on queued work, looked at by the taker. Deadlines of gRPC: work is dropped when
    nobody waits for it. SEDA and Breakwater (2020): say no by the delay that is to be expected, at the door.

Considered and rejected
    CoDel's control law: it spaces its drops by a square root, which suits senders that slow down; callers here do not.
    Last in, first out under load (Facebook): breaks the order of acceptance (LOCAL-1), and those at the bottom wait for nothing.
    A shorter time-out under load (folly's Codel): expires items whose callers still wait; patience is then a number nobody knows.
    Credits for callers (Breakwater): they need callers that take part. The wait of the item taken last as the estimate: it is as
    old as the queue is long, so the door swings. A timer that expires items: a thread, and a race with each taker.
    Handing out what has expired, marked as such: each taker would have to sort it out, and one forgets.

Limits
    A monotonic clock that jumps ahead by more than the patience expires what is queued: nothing tells it from workers that stood
    still, and FRESH-1 comes first. Nothing is refused for it. Workers that take longer for one item than the patience is are not
    foreseen at the door, only found by the taker. A pace is that of the whole interval: the first items after workers have become
    faster are refused by the old one, for one interval. A release that is interrupted counts as the kernel says, so an item that
    expires just then is told, and counted as released or abandoned instead. Without a GIL an interrupted `take` gives its item back
    when CPython finalises the lease.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import partial
from math import inf, isnan, nan
from operator import is_not
from time import monotonic
from typing import Any, Final, Generic, NoReturn, TypeVar, final

from .. import Intake, Lease, Outcome
from .._atomic import yield_processor
from .._slots import NOTHING
from .._types import sealed
from . import Shed
from ._book import BOUNDS_S, Book, FreshStatistics, read

__all__ = ["FreshIntake", "FreshLease", "FreshStatistics"]

T = TypeVar("T")
Kept = tuple[Any, float, float]  # an item, when it was offered, and its patience
Seconds = int | float  # at run time an int is no float

LATE: Final = Shed.LATE
YIELD_EVERY: Final = 24  # refusals, as in the kernel
IS_AN_ITEM: Final = partial(is_not, NOTHING)
new: Final = object.__new__


@final
class FreshLease(Generic[T]):
    """Hold one item that is worth doing and its slot, from `take` until released, with all that `Lease` promises (LEASE-1).

    The kernel's lease is final and would give the item together with its times, so this one owns such a lease, and nothing else.
    Dropped, it drops that one, which is unseen until somebody looks at the item here.
    """

    __slots__ = ("_lease",)

    _lease: Lease[Kept]

    def __init__(self) -> None:
        raise TypeError("a lease is made by FreshIntake.take() only")

    __init_subclass__ = sealed

    @property
    def item(self) -> T:
        """Give the item. From then on dropping the lease abandons it. ValueError once the lease is released."""
        item: T = self._lease.item[0]
        return item

    def release(self) -> bool:
        """Free the slot. True the first time, False ever after, from whichever thread (LEASE-1). Never waits."""
        return self._lease.release()

    def __enter__(self) -> T:
        return self.item

    def __exit__(self, *exc_info: object) -> None:
        self._lease.release()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a lease can't be copied or pickled: it stands for one slot")

    def __repr__(self) -> str:
        return f"<tidegate.FreshLease of {self._lease!r}>"


@final
class FreshIntake(Generic[T]):
    """Take in work up to a fixed capacity, and hand out only what has not waited for longer than its patience.

    patience_s: how long an item may wait to be taken, unless its offer says otherwise. on_expired: called with each item that
    expired. clock: seconds that never run backwards; its exceptions are counted, and then nothing expires.
    Raises TypeError or ValueError for a bad capacity, as `Intake` does, or a bad patience. What `Intake` promises holds.
    """

    __slots__ = ("__weakref__", "_book", "_clock", "_closed", "_intake", "_interval_s", "_on_expired", "_patience_s")

    _book: Book
    _clock: Callable[[], float]
    _closed: bool
    _intake: Intake[Kept]
    _interval_s: float
    _on_expired: Callable[[T], object] | None
    _patience_s: float

    def __new__(
        cls,
        capacity: int,
        patience_s: Seconds,
        on_expired: Callable[[T], object] | None = None,
        *,
        clock: Callable[[], float] | None = None,
    ) -> "FreshIntake[T]":
        patience = _checked_patience(patience_s)
        if patience <= 0:
            raise ValueError(f"patience_s must be above 0 seconds, not {patience_s}")
        intake = super().__new__(cls)
        intake._intake = Intake(capacity)
        intake._patience_s, intake._interval_s, intake._on_expired = patience, patience / 2, on_expired
        intake._clock = monotonic if clock is None else _guarded(clock)
        intake._book, intake._closed = Book(), False
        return intake

    __init_subclass__ = sealed

    def _here(self) -> Book:
        """Give the book of this process (FORK-1)."""
        while (book := self._book).epoch:
            book.epoch.append(book)  # for ever: dropping it would finalise the parent's items here
            book.heirs.append(Book())
            self._book = book.heirs[0]
        return book

    @property
    def capacity(self) -> int:
        """The number of slots, fixed at construction."""
        return self._intake.capacity

    def offer(self, item: T, patience_s: Seconds | None = None) -> Outcome | Shed:
        """Offer one item that may wait for `patience_s` seconds; never waits for anybody (POLICY-1, POLICY-3, FRESH-3).

        ACCEPTED, FULL, CLOSED: as `Intake.offer` says, which is asked last. Shed.LATE: by the estimate in this module's docstring
        the item would wait for longer than its patience, or that is below 0; nothing is kept of it. Raises TypeError or ValueError
        for a bad `patience_s`, and else nothing.
        Linearization points: LATE, reading how many are queued; else those of `Intake.offer`.
        """
        patience = self._patience_s if patience_s is None else patience_s
        now = self._clock()
        if (self._book.pace is not None or not patience >= 0) and self._is_late(now, patience):
            if not next(self._book.late) % YIELD_EVERY:
                yield_processor()  # as for FULL (RESPONSIVE-2)
            return LATE
        return self._intake.offer((item, now, patience))

    def _is_late(self, now: float, patience: float) -> bool:
        """Tell whether the wait to be expected is above what is left of an offer's patience (FRESH-3)."""
        book = self._here()
        pace, queued = book.pace, self._intake._slots.queue.qsize()
        if self._closed:
            return False  # and the wall says CLOSED
        if not patience >= 0:
            return _checked_patience(patience) < 0
        if pace is None or not queued or not pace[0] <= now < pace[1]:
            book.pace = None  # no queue stands any more, or nothing is known of it (POLICY-5)
            return False
        return queued * pace[2] > patience

    def take(self, timeout: Seconds | None = None) -> FreshLease[T]:
        """Take the item accepted first that is still worth doing, waiting up to `timeout` seconds; None waits without limit.

        An item older than its patience is not handed out: its slot is freed, it is counted, and then told to `on_expired`, in this
        thread; an exception out of that comes out of here, and no other item is in hand then (FRESH-1, FRESH-2). Raises
        Empty, Closed, TypeError and ValueError as `Intake.take` does. An exception in here loses no item (INTERRUPT-1).
        Linearization points: those of `Intake.take`; an item expires when its slot is released.
        """
        begun = 0.0 if timeout is None else monotonic()
        lease = fresh = None
        try:
            if self._book.owed:
                self._tell_owed()
            while True:
                lease = self._intake.take(timeout)
                fresh = self._judge(lease)
                if fresh is not None:
                    return fresh
                timeout = timeout and max(0.0, timeout - (monotonic() - begun))
        except BaseException:
            lease = fresh = None  # the traceback must not keep it from its finaliser
            raise

    def _judge(self, lease: Lease[Kept]) -> FreshLease[T] | None:
        """Make a lease of an item that is worth doing. None: it was not, and has expired."""
        item = fresh = None
        try:
            item, at, patience = lease._slots.items[lease._index]  # its slot is ours; `lease.item` would be a look
            book = self._book
            if book.epoch:
                book = self._here()
            now = self._clock()
            age = now - at
            if 0 <= age <= patience:
                next(book.waits[bisect_left(BOUNDS_S, age)])
                if now >= book.ends:
                    book.end_interval(at, now, self._interval_s)
            elif age > patience:
                self._expire(book, lease, item)
                return None
            else:  # backwards, or not a number
                next(book.faults)
                book.ends, book.pace = -inf, None
            fresh = new(FreshLease)  # pyright: ignore[reportUnknownVariableType]
            fresh._lease = lease
            return fresh  # pyright: ignore[reportUnknownVariableType]
        except BaseException:
            del lease
            item = fresh = None  # the traceback must not keep them
            raise

    def _expire(self, book: Book, lease: Lease[Kept], item: T) -> None:
        """Free the slot, count, then tell: each once, whatever ends it (FRESH-1, FRESH-2)."""
        note, counted = {0: item}, False  # the note is empty once it was told
        try:
            lease.release()
            counted = True  # from here on it is: no call, so no exception can come before the next line
            next(book.expired)
            self._tell(note, alone=True)
        except BaseException:
            if note:
                if lease.release() and not counted:
                    next(book.expired)
                book.owed[next(book.serial)] = note
            raise

    def _tell(self, note: dict[int, Any], *, alone: bool) -> None:
        """Tell an item that has expired, unless it was told. Between taking it off its note and the call there is no bytecode.

        alone: nobody else has the note, so that a loop that ends without a turn means a StopIteration out of the call.
        """
        owner = id if self._on_expired is None else self._on_expired
        for _ in map(owner, filter(IS_AN_ITEM, map(note.pop, (0,), (NOTHING,)))):
            return
        if alone:
            raise StopIteration("raised by on_expired, or by a signal handler in it")

    def _tell_owed(self) -> None:
        """Tell what expired in calls that were interrupted before they told it."""
        owed = self._here().owed
        for key in list(owed):
            self._tell(owed.get(key, {}), alone=False)
            owed.pop(key, None)

    def __iter__(self) -> Iterator[FreshLease[T]]:
        """Give leases, each as `take()` does, until the intake is closed and nothing more can come (CLOSE-2, LEASE-1)."""
        leases = iter(self._intake)

        def following() -> FreshLease[T] | None:
            lease = fresh = None
            try:
                if self._book.owed:
                    self._tell_owed()
                for lease in leases:
                    fresh = self._judge(lease)
                    if fresh is not None:
                        return fresh
                return None
            except BaseException:
                lease = fresh = None
                raise

        return iter(following, None)

    def close(self) -> None:
        """Close for good, as `Intake.close` does."""
        self._closed = True
        self._intake.close()

    def drain(self, timeout: Seconds | None = None) -> int:
        """Close, wait, and give the number of items still unfinished, as `Intake.drain` does. What expires is taken by takers."""
        left = self._intake.drain(timeout)
        self._closed = True
        self._tell_owed()
        return left

    def statistics(self) -> FreshStatistics:
        """Count slots, answers and waits: O(capacity), no lock, constant memory (FRESH-2, POLICY-2)."""
        book = self._here()
        expired = read(book.expired)  # before the reading below, which has all of these as released
        of, now = self._intake.statistics(), self._clock()
        ages = [now - kept[1] for kept in _all_queued(self._intake)]
        return FreshStatistics(
            *(of.capacity, of.free, of.queued, of.in_flight, of.accepted, of.full, of.closed, of.released - expired, of.abandoned),
            *(of.peak, expired, read(book.late), max([0.0, *ages])),
            tuple([(bound, read(waits)) for bound, waits in zip((*BOUNDS_S, inf), book.waits, strict=True)]),
            read(book.faults),
        )

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an intake can't be copied or pickled: its slots are this one's")

    def __repr__(self) -> str:
        return f"<tidegate.FreshIntake of {self._intake!r}>"


def _checked_patience(patience_s: object) -> float:
    if not isinstance(patience_s, (int, float)) or isinstance(patience_s, bool):
        raise TypeError(f"patience_s must be a number of seconds, not {type(patience_s).__name__}")
    if isnan(patience_s):
        raise ValueError("patience_s must be a number of seconds, not NaN")
    return patience_s


def _guarded(clock: Callable[[], float]) -> Callable[[], float]:
    """Make a clock that raises give NaN instead, of which no age can be told (POLICY-4). `time.monotonic` needs no such guard."""

    def read() -> float:
        try:
            return float(clock())
        except Exception as error:  # noqa: BLE001 - whatever it is, the wall goes on
            error.__traceback__ = None  # should somebody keep it, it must not keep the caller's lease
            return nan

    return read


def _all_queued(intake: Intake[Kept]) -> list[Kept]:
    slots = intake._slots
    return [kept for kept, turn in zip(slots.items, slots.turns, strict=True) if kept is not NOTHING and isinstance(turn, int)]
