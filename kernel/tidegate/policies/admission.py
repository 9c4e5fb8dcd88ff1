# SPDX-License-Identifier: MIT
# pyright: reportPrivateUsage=false
"""A bulkhead that says no earlier: above a limit that finds itself, and to those who come last when it is tight.

    from tidegate.adapters.bulkhead import Bulkhead
    from tidegate.policies.admission import Admission
    from tidegate.policies.classes import Classes
    from tidegate.policies.limit import AdaptiveLimit

    classes = Classes({"user": 1.0, "batch": 0.5}, default="batch")
    admission = Admission(Bulkhead(64), limit=AdaptiveLimit(floor=4), classes=classes)
    lease = admission.enter("user")
    if not lease:                         # FULL, CLOSED, Shed.LIMIT or Shed.CLASS
        return busy()
    with lease:
        return work()

How it works
    Who is let in takes a seat, and then asks the wall (`Bulkhead.enter`), always last (POLICY-1). There are as many seats as slots.
    A class takes one only while fewer are out than its threshold, which is one step in C (`_seats`). The slot is free before its
    seat comes home, so never do those of a class hold more slots than its threshold was when the last of them was let in (CLASS-2).

    Where the threshold is the capacity the wall alone says no, and FULL means what it always does. Who finds no seat there, as
    one is just on its way home, may be let in without. Before anybody else is refused the limit is asked whether it counts still.

    A sample for the limit is what was let in with a seat and ended well: no exception, and a clock that ran forward (LIMIT-3).

    With `observe=True` who would be refused is let in without a seat, if the wall lets in. So those do not count for the others,
    and the counts are those of enforcing, as long as the wall itself refuses nobody.

Prior art
    Envoy's admission control and adaptive concurrency filters, Netflix's concurrency-limits (partitions), Google's criticality
    ("Site Reliability Engineering", chapter 21). What is new here is that the decision is one step.

Considered and rejected
    Counting who is inside, then deciding: two callers at a threshold are both let in. Entering first, deciding then: holds a slot
    while deciding, and refuses others for it. Bulkheads in one another, one for each class: six steps for each level, and fixed. A
    lock: a caller stopped in it stops all. A finaliser in Python for lost leases: it drops a Ctrl-C (HOST-1).

Limits
    All who go inside must go through the one admission, or the thresholds count less than are inside. A caller stopped between its
    slot's release and its seat's way home keeps one seat, for as long as it is. A call without a seat (see above) is not counted
    by the thresholds until it ends. An entry that was interrupted may be counted by the bulkhead, and by no class. On
    free-threaded builds the seat of a lease that was dropped, or whose release was interrupted, comes home when CPython
    finalises it.
"""

from collections.abc import Callable
from time import monotonic, monotonic_ns
from typing import Final, Literal, NoReturn, cast, final

from .. import Lease, Outcome
from .._types import sealed
from ..adapters.bulkhead import Bulkhead, Seconds
from . import Shed
from ._book import read
from ._seats import Clock, Door, Limit, Seats
from ._tally import AdmissionStatistics, ClassStatistics, told
from .classes import Classes

__all__ = ["Admission", "AdmissionLease", "AdmissionStatistics", "ClassStatistics", "Limit"]

Refusal = Literal[Outcome.FULL, Outcome.CLOSED] | Shed

FULL: Final = Outcome.FULL
new: Final = cast("Callable[[type[AdmissionLease]], AdmissionLease]", object.__new__)


@final
class AdmissionLease:
    """Be inside, from `enter` until released: true, and a context manager that releases on the way out (LEASE-1).

    A lease that is dropped unreleased gives its slot and its seat back, and is counted as abandoned.
    """

    __slots__ = ("_door", "_entered_ns", "_inside", "_lease", "_seat", "_seats")

    _door: Door
    _entered_ns: int | None  # None: no sample will come of it
    _inside: int
    _lease: Lease[None]
    _seat: int | None
    _seats: Seats

    __init_subclass__ = sealed

    def __init__(self) -> None:
        raise TypeError("a lease is made by Admission.enter() only")

    def release(self, *, sample: bool = True) -> bool:
        """Leave: free the slot, then the seat. True the first time, False ever after, from whichever thread. Never waits.

        sample: whether what was done ended well, so that its time tells something (LIMIT-3).
        """
        seats, seat = self._seats, None
        try:
            if not self._lease.release():
                return False
            seat, self._seat = self._seat, None  # ours alone: we released
            if seat is not None:
                seats.restore(seat)
        except BaseException:
            seat = None
            self._lease.release()
            self._seat = None  # if it has one still, that comes home by being dropped
            raise
        if sample and self._entered_ns is not None:
            seats.sample(self._door, self._entered_ns, self._inside)
        return True

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, _error: object, _traceback: object) -> None:
        self.release(sample=kind is None)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a lease can't be copied or pickled: it stands for one slot")

    def __repr__(self) -> str:
        return f"<tidegate.AdmissionLease of {self._lease!r}>"


@final
class Admission:
    """Let calls into a bulkhead up to a limit that moves and the threshold of their class, and refuse the next one at once.

    limit: a new `AdaptiveLimit`, or None for the capacity. classes: None for one class. observe: decide and count, and refuse
    nobody whom the wall lets in. clock: nanoseconds that never run backwards; its exceptions are counted.
    Any number of threads, and tasks of any event loop, may call any method at any time. Raises what `limit.bind` raises. The
    bulkhead must be entered through this alone. After a fork nobody is inside in the child.
    """

    __slots__ = ("__weakref__", "_bulkhead", "_made_of", "_observing", "_seats")

    _seats: Seats

    def __init__(
        self,
        bulkhead: Bulkhead,
        *,
        limit: Limit | None = None,
        classes: Classes | None = None,
        observe: bool = False,
        clock: Clock = monotonic_ns,
    ) -> None:
        if not isinstance(bulkhead, Bulkhead):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"bulkhead must be a Bulkhead, not {type(bulkhead).__name__}")
        if not isinstance(classes, Classes | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"classes must be Classes or None, not {type(classes).__name__}")
        self._bulkhead: Final = bulkhead
        self._observing: Final = observe
        if limit is not None:
            limit.bind(bulkhead.capacity)
        self._made_of: Final = bulkhead.capacity, classes, limit, clock
        self._seats = Seats(*self._made_of)

    __init_subclass__ = sealed

    def _here(self) -> Seats:
        """Give the seats of this process (FORK-1)."""
        while (seats := self._seats).epoch:
            seats.epoch.append(seats)  # for ever: leases of the parent's have seats there
            seats.heirs.append(Seats(*self._made_of))
            self._seats = seats.heirs[0]
        return seats

    @property
    def bulkhead(self) -> Bulkhead:
        """The wall."""
        return self._bulkhead

    @property
    def capacity(self) -> int:
        """The number of calls that may be inside at once, at most."""
        return self._bulkhead.capacity

    @property
    def limit(self) -> int:
        """The number that may be inside now, by the limit."""
        return self._here().opened

    def enter(self, label: str | None = None) -> AdmissionLease | Refusal:
        """Go inside, until the lease is released, or be refused; never waits (POLICY-1, POLICY-3, CLASS-1, CLASS-2).

        A lease, which is true. Shed.LIMIT: as many are inside as the limit is. Shed.CLASS: as many as the class of `label` may
        fill. FULL, CLOSED: as `Bulkhead.enter` says, which is asked last. All but the lease are false. A label that is no
        class's is the default's (CLASS-3). Interrupted by an exception, the caller is not inside, and no slot and no seat is lost.
        Linearization points: Shed, finding no seat; else those of `Bulkhead.enter`.
        """
        seats = self._seats
        if seats.epoch:
            seats = self._here()
        door = seats.doors.get(label) if label is None or type(label) is str else None
        if door is None:
            door = seats.default(label)
        held, seat, answer, lease, shed = None, None, None, None, False  # seat: while set, this call has it
        try:
            try:
                held = seat = door.seat
            except IndexError:
                if door.refusal is not None and not self._bulkhead._closed:
                    if seats.reconsider():
                        return self.enter(label)
                    refusal, shed = seats.refuse(door), True
                    if not self._observing:
                        return refusal
            answer = self._bulkhead.enter()
            if isinstance(answer, Outcome):
                seat = None  # from here on it is at home
                if held is not None:
                    seats.restore(held)
                if not shed:
                    next(door.tally.full if answer is FULL else door.tally.closed)
                return answer
            lease = new(AdmissionLease)
            lease._seats, lease._door, lease._lease, lease._seat = seats, door, answer, held
            lease._entered_ns = None
            if held is not None:
                seats.holders[held] = door.tally.number
            if not shed:
                next(door.tally.accepted)
                lease._inside = seats.capacity - len(seats.free)
                lease._entered_ns = seats.clock()
            return lease
        except BaseException:
            if isinstance(answer, Lease):
                answer.release()
            if seat is not None:
                seats.restore(seat)
            held = seat = answer = lease = None  # the traceback must not keep them
            raise

    def close(self) -> None:
        """Refuse everybody from now on, for good, as `Bulkhead.close` does."""
        self._bulkhead.close()

    def drain(self, timeout: Seconds | None = None) -> int:
        """Close, wait, and give the number of calls still inside, as `Bulkhead.drain` does."""
        return self._bulkhead.drain(timeout)

    async def drain_async(self, timeout: Seconds | None = None) -> int:
        """Do the same while the event loop goes on."""
        return await self._bulkhead.drain_async(timeout)

    def statistics(self) -> AdmissionStatistics:
        """Count slots and answers, by reason and class: O(capacity), no lock, constant memory (POLICY-2)."""
        seats, of = self._here(), self._bulkhead.statistics()
        inside = seats.inside()
        doors = {door.tally.number: (label, door) for label, door in seats.doors.items() if label is not None}
        classes = tuple([told(label, door.threshold, door.tally, inside.count(number)) for number, (label, door) in doors.items()])
        return AdmissionStatistics(
            *(of.capacity, of.free, of.queued, of.in_flight, of.accepted, of.full, of.closed, of.released, of.abandoned, of.peak),
            seats.opened,
            *(sum([each.shed_limit for each in classes]), sum([each.shed_class for each in classes])),
            *(read(seats.unknown), read(seats.faults)),
            self._observing,
            monotonic() - seats.begun_s,
            classes,
        )

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an admission can't be copied or pickled: its slots are this one's")

    def __repr__(self) -> str:
        return f"<tidegate.Admission of {self._bulkhead!r}, limit {self.limit}>"
