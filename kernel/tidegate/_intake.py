# SPDX-License-Identifier: MIT
# pyright: reportPrivateUsage=false
# mypy: no-warn-unreachable
# Another thread may set `closed` between two reads of it, which mypy does not expect; and the classes of one file share what is
# private to that file, as a lease is filled by the `take` that makes it.
"""The intake and its leases: the five operations, each a few steps on the slots.

Comments say what another thread, a signal handler or an asynchronous exception may have done between two lines.
"""

import os
from _queue import Empty as TimeIsOver
from collections.abc import Callable, Iterator
from threading import TIMEOUT_MAX
from time import monotonic
from typing import Any, Final, Generic, NoReturn, TypeVar, cast, final

from ._atomic import yield_processor
from ._slots import NOTHING, Mark, Slots, Token, Waits
from ._types import Closed, Empty, Outcome, Statistics, sealed

T = TypeVar("T")

ACCEPTED, FULL, CLOSED = Outcome
new: Final = cast("Callable[[type[Lease[Any]]], Lease[Any]]", object.__new__)
YIELD_EVERY: Final = 24  # rejections; fewer cost the offers' tail, more the workers: `tidegate stress --curve` measures both
IS_KNOWN: Final = hasattr(os, "sysconf_names") and "SC_PHYS_PAGES" in os.sysconf_names
MOST: Final = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 200 if IS_KNOWN else 1 << 55  # a slot costs 200 bytes


def _checked_capacity(capacity: object) -> int:
    if not isinstance(capacity, int) or isinstance(capacity, bool):
        raise TypeError(f"capacity must be an int, not {type(capacity).__name__}")
    if not 1 <= capacity <= MOST:
        raise ValueError(f"capacity must be at least 1, and at most {MOST} for this machine's memory, not {capacity}")
    return capacity


def _checked_timeout(timeout: object) -> tuple[float, float]:
    """Give the time-out as a float that a wait in C accepts, and the instant at which it is over.

    It is annotated as both, as for beartype an int is no float, and Cython would make a C double of a float.
    """
    if not isinstance(timeout, (int, float)) or isinstance(timeout, bool):
        raise TypeError(f"timeout must be a number of seconds or None, not {type(timeout).__name__}")
    if not timeout >= 0:  # also catches NaN
        raise ValueError(f"timeout must be at least 0 seconds, not {timeout}")
    return (remaining := float(min(timeout, TIMEOUT_MAX))), monotonic() + remaining


class Quietly(float):
    """A time-out for callers in this package: with it `take` returns NO_LEASE where it raises Empty or Closed to others.

    They could not tell its own exceptions from those that a signal handler raises in it.
    """


@final
class Lease(Generic[T]):
    """Hold one accepted item and its slot, from `take` until released (LEASE-1). Made by `Intake.take` only.

    As a context manager it gives the item and releases on the way out, also on an exception. Dropped unreleased it gives the
    slot back, counted as abandoned; dropped before anyone looked at its item, it puts the item back in the queue instead.

    Dropped, it does so when CPython finalises it. With a GIL that is at once. On a free-threaded build it is when the threads that
    made the lease and the intake next run Python code: not while they sleep in one call into C. Release it, or use `with`.
    """

    __slots__ = ("_index", "_mark", "_slots", "_token")

    _slots: Slots
    _index: int
    _mark: Mark  # its own, so a late look can't mark the next lease
    _token: Any  # its `Token`, until released

    __init_subclass__ = sealed

    def __init__(self) -> None:
        raise TypeError("a lease is made by Intake.take() only")

    @property
    def item(self) -> T:
        """Give the item. From then on dropping the lease abandons it. ValueError once the lease is released."""
        item: T = self._slots.items[self._index]
        try:
            try:
                self._mark[1] = True
            except IndexError:  # released, maybe before the read: the item may be another offer's
                raise ValueError("this lease is released, its item is gone") from None
            if self._slots.closed:
                self._slots.ring()  # a taker may wait to hear that this item can't come back
        except BaseException:
            if len(self._mark) > 1:
                self._slots.ring()
            raise
        return item

    def __enter__(self) -> T:  # type: ignore[empty-body]  # only its signature counts: the function comes below the class
        """Give the item, as `item` does. It is the function of that property itself, so that there is no call in between."""

    def release(self) -> bool:
        """Free the slot. True the first time, False ever after, from whichever thread (LEASE-1). Never waits.

        Linearization point: shortening the mark; the slot is free when its token is back in the free list.
        """
        slots, mark, _ = self._slots, self._mark, self._slots.room
        token: Token | None = None  # while set, this call owns the slot
        try:
            try:
                held = self._token
                del mark[1]  # who gets here first releases; no call, so no exception can come before the next two lines
            except IndexError:
                return False
            token, self._token = held, None
            _item = slots.items[index := self._index]  # kept until the slot is home: its finaliser may offer
            slots.items[index] = NOTHING
            slots.turns[index] = mark[0] + 1  # ours alone to write: we own the slot
            token = None  # from here on it is at home
            slots.restore(held)
            if slots.closed:
                slots.ring()
            return True
        except BaseException:
            slots.give_back(token)
            token = held = None  # the traceback must not keep it from its finaliser
            self._token = self._token if len(mark) > 1 else None  # nor must the lease
            raise

    def __exit__(self, _type: object, _error: object, _traceback: object) -> None:
        self.release()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a lease can't be copied or pickled: it stands for one slot")

    def __repr__(self) -> str:
        return f"<tidegate.Lease {'held' if len(self._mark) > 1 else 'released'}>"


# To mypy a property that is read off its class is what it gives; and nobody should replace a method, but that one has no body.
Lease.__enter__ = Lease.item.fget  # type: ignore[attr-defined, method-assign]
FOREVER: Final = Quietly("inf")
NO_LEASE: Final[Lease[Any]] = new(Lease)


@final
class Intake(Generic[T]):
    """Take in work up to a fixed capacity, and refuse the rest at once.

    Any number of threads may call any operation at any time, also from signal handlers and finalisers (REENTRY-1). Raises
    TypeError unless `capacity` is an int, ValueError unless it is at least 1 and fits into memory, before anything is
    allocated (HOSTILE-1). The capacity never changes, and there is no unbounded and no blocking mode (FIXED-1). After a fork
    the child's intake is empty with all slots free, and closed only if the parent's was (FORK-1).

    Overload changes nothing but the counts: memory stays flat (STABLE-1), workers keep their rate (RESPONSIVE-2), an accepted
    item is taken within ceil(capacity / workers) service times (LATENCY-1), and when the load drops every slot is free again
    within one (RECOVER-1).
    """

    __slots__ = ("__weakref__", "_slots")

    _slots: Slots

    def __new__(cls, capacity: int) -> "Intake[T]":  # not __init__, which could be called again, with another capacity
        intake = super().__new__(cls)
        intake._slots = Slots(_checked_capacity(capacity))
        return intake

    __init_subclass__ = sealed

    def _here(self) -> Slots:
        """Give the slots of this process: after a fork new ones, made by whoever asks first (FORK-1, HOST-2)."""
        while (slots := self._slots).epoch:
            slots.epoch.append(slots)  # for ever: dropping them would finalise the parent's items here
            slots.heirs.append(Slots(slots.capacity, slots.closed))
            slots.heirs[0].ring()  # it may be closed, so takers must look
            slots.ring()  # this thread may have forked inside a wait in `take` or `drain`: it goes on with the new slots
            self._slots = slots.heirs[0]
        return slots

    @property
    def capacity(self) -> int:
        """The number of slots, fixed at construction."""
        return self._slots.capacity

    def offer(self, item: T) -> Outcome:
        """Offer one item; the answer is a value, and never waits for anybody (NOWAIT-1, NOWAIT-2, EXPLICIT-1).

        ACCEPTED: the item holds a slot and will be taken exactly once, in the order of acceptance (BOUND-1, LOCAL-1).
        FULL: at an instant within this call every slot was held (EXACT-1). Nothing is kept of the item (NORETRY-1, MEMORY-1).
        CLOSED: the intake is closed for good (CLOSE-1). Nothing is kept of the item.
        Raises nothing, and calls nothing of the item's (QUIET-1, HOSTILE-1). Interrupted by an exception, the item may have
        been accepted or not; no slot is lost (INTERRUPT-1). Takes a bounded number of steps, the same for every capacity and
        load (RESPONSIVE-1); only the first call in a child after a fork makes the child's slots, all of them.
        Linearization points: ACCEPTED, publishing the token; FULL, the look at the empty free list or the failed claim; CLOSED,
        reading the flag.
        """
        slots = self._slots
        if slots.epoch:  # they are those of the process that was forked
            slots = self._here()
        free = slots.free
        if free and not slots.closed:
            token: Token | None = None  # while set, this call owns the slot
            try:
                try:
                    held = token = free.newest
                except IndexError:
                    pass  # others claimed what we saw
                else:
                    if not slots.closed:  # read again holding the slot: who saw it at home after `close` relies on it
                        slots.items[token.slot.index] = item
                        token = None  # from here on it is queued: no call, so no exception can come before the next line
                        slots.publish(held)
                        return ACCEPTED
                    token = None  # from here on it is at home
                    slots.restore(held)
                    slots.ring()
            except BaseException:
                slots.give_back(token)
                token = held = None  # the traceback must not keep it from its finaliser
                raise
        if slots.closed:  # read after finding no slot: one kept from us by a late claimer is no reason to say FULL
            outcome, rejections = CLOSED, next(slots.answered_closed)
        else:
            outcome, rejections = FULL, next(slots.answered_full)
        if not rejections % YIELD_EVERY:
            yield_processor()  # or spinning producers would leave the workers without the interpreter (RESPONSIVE-2)
        return outcome

    def take(self, timeout: float | int | None = None) -> Lease[T]:  # noqa: PYI041 - see `_checked_timeout`
        """Take the item accepted first, waiting for one up to `timeout` seconds; None waits without limit (LOCAL-1, LEASE-1).

        Raises Empty when the time is over, and Closed when the intake is closed and no accepted item can ever appear again: none
        is queued, no offer is in progress, and no lease is held whose item nobody has looked at, as it might be put back
        (CLOSE-2). Raises TypeError or ValueError for a bad `timeout`. An exception in here loses no item (INTERRUPT-1).
        With `timeout=0` it never waits.
        Linearization points: removing the token from the queue; Closed, counting the settled slots; Empty, finding none.
        """
        remaining, deadline = (None, 0.0) if timeout is None or timeout is FOREVER else _checked_timeout(timeout)
        slots = self._slots
        token = None
        lease: Lease[T] | None = None
        try:
            while True:
                if slots.epoch:
                    slots = self._here()
                waits = slots.arrivals if remaining is None else Waits(slots.await_slot, (True,), (remaining,))
                try:
                    token = waits.answer
                except TimeIsOver as error:
                    if remaining is None or (error.__traceback__ and error.__traceback__.tb_next):
                        raise  # a signal handler's: C adds no frame of its own
                    if slots.closed:
                        slots.ring()  # whoever leaves notifies the next
                    if isinstance(timeout, Quietly):
                        return NO_LEASE
                    raise Empty(f"nothing to take within {timeout} seconds") from None
                if token is not None:
                    index, turns = token.slot.index, slots.turns
                    turns[index] = mark = [turns[index], False]  # from here on it is in flight
                    lease = new(Lease)
                    lease._slots, lease._index, lease._mark = slots, index, mark
                    lease._token = token  # last: with it the lease owns the slot
                    return lease
                if slots.exhausted():  # a bell: closed, or forked
                    slots.ring()  # the same
                    if isinstance(timeout, Quietly):
                        return NO_LEASE
                    raise Closed("closed, and everything accepted has been taken")
                remaining = remaining and max(0.0, min(remaining, deadline - monotonic()))
        except BaseException:
            slots.give_back(token)  # and ring, also where the exception came before that was done
            token = lease = None  # the traceback must not keep it from its finaliser
            raise

    def __iter__(self) -> Iterator[Lease[T]]:
        """Give leases, each as `take()` does, until the intake is closed and nothing more can come (CLOSE-2).

        Asking for the next lease is a look at the one before (LEASE-1): dropped later, that one is abandoned. The iterator keeps
        no lease: one that is dropped before gives its item back as any other.
        """
        last: list[Mark] = [[]]  # the mark of the lease given last; the lease itself is not kept

        def following() -> Lease[T]:
            try:
                try:  # noqa: SIM105 - nobody else may raise it in here
                    last[0][1] = True
                except IndexError:
                    pass  # none was given yet, or it was released or dropped
                if self._slots.closed:
                    self._slots.ring()  # a taker may wait to hear that this item can't come back
                lease = self.take(FOREVER)
            except BaseException as error:
                self._slots.ring()
                if isinstance(error, StopIteration):  # a signal handler's: as itself it would end the loop
                    raise RuntimeError("a StopIteration was raised in a wait for the next lease") from error
                raise
            last[0] = [] if lease is NO_LEASE else lease._mark
            return lease

        return iter(following, NO_LEASE)

    def close(self) -> None:
        """Close for good: no offer that starts after this returned is accepted (CLOSE-1). Never waits, idempotent.

        What was accepted can still be taken; waiting takers wake when nothing more can come (CLOSE-2).
        Linearization point: setting the flag.
        """
        slots = self._here()
        try:
            slots.closed = True
            slots.ring()
        except BaseException:
            slots.ring()
            raise

    def drain(self, timeout: float | int | None = None) -> int:  # noqa: PYI041 - the same
        """Close, wait up to `timeout` seconds until all work is finished, and give the number of items still unfinished.

        0 means drained: every slot is home and nothing is ever accepted again (CLOSE-2). Otherwise it is the number of slots still
        held at the deadline; an offer that has claimed a slot and not answered yet counts. Raises TypeError or ValueError for
        a bad `timeout`, before closing.
        Linearization point: reading the length of the free list, the last time.
        """
        remaining, deadline = (None, 0.0) if timeout is None else _checked_timeout(timeout)
        self.close()
        slots = self._slots
        try:
            while left := slots.capacity - len(slots.free):
                waits = Waits(slots.await_home, (True,), (remaining,))
                try:
                    _ = waits.answer
                except TimeIsOver as error:
                    if remaining is None or (error.__traceback__ and error.__traceback__.tb_next):
                        raise  # a signal handler's
                    left = slots.capacity - len(slots.free)
                    break
                remaining = remaining and max(0.0, min(remaining, deadline - monotonic()))
                slots = self._here()
            slots.ring()  # whoever leaves notifies the next
        except BaseException:
            slots.ring()
            raise
        return left

    def statistics(self) -> Statistics:
        """Count slots and answers, from one snapshot of all slots: O(capacity), no lock, constant memory (LEDGER-1, BOUND-2).

        Exact at one instant within the call on builds with a GIL; the two counts of rejections are read after it. On free-threaded
        builds each slot is told as it was at some instant within the call, but not all at the same one: the identities hold (free +
        queued + in flight = capacity, accepted = queued + in flight + released + abandoned), no count is negative, and accepted,
        released, abandoned, full and closed each lie between what they were when the call began and when it ended. Two slots may
        be told as they never were together: a worker that goes from one to the next may be seen with both, or with neither.
        """
        return Slots.statistics(self._here())

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an intake can't be copied or pickled: its slots are this one's")

    def __repr__(self) -> str:
        return f"<tidegate.Intake {'closed' if self._here().closed else 'open'}, {len(self._slots.free)} of {self.capacity} free>"
