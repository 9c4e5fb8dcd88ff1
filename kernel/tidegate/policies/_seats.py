# SPDX-License-Identifier: MIT
"""The seats of an admission: who may ask the wall, decided in one step. See `admission`.

A seat stands for one call that a policy let in. There are as many as the wall has slots, in one list. Who has a threshold t
takes one by popping the list at a place that is there only while fewer than t seats are out: looking and taking are one call
into C, so no schedule lets more in (CLASS-2). The place is the one of two that moves fewer of the others, at most half the
capacity.

A seat comes home in the call that ends, or else when the last reference to it is dropped: its finaliser is C code from one end
to the other. CPython reads the attribute `__del__`, which sees first whether the admission is there still, then makes a twin
with the same number, and then puts that into the list; what comes of that has no attribute `over`, and CPython takes a `__del__`
that can't be read for none. So an exception that a signal handler raises is never dropped there (HOST-1), and a call that is
interrupted or a lease that is lost costs no seat.
"""

import weakref
from bisect import bisect_left
from collections.abc import Callable
from itertools import count, repeat
from operator import attrgetter
from time import monotonic, monotonic_ns
from typing import Any, Final, Protocol, cast, final, runtime_checkable

from .._atomic import yield_processor
from .._forks import epoch
from . import Shed
from ._tally import BOUNDS_NS, Tally
from .classes import Classes
from .limit import AdaptiveLimit

Clock = Callable[[], int | None]

EVERYBODY: Final = Classes({"": 1.0}, default="")
NOBODY: Final = -1  # in place of a class
YIELD_EVERY: Final = 24  # refusals, as in the kernel


@runtime_checkable  # for tools that check annotations at run time
class Limit(Protocol):
    """Name what a limit must be able to: `AdaptiveLimit`, or one of your own, whose exceptions are counted and do no harm."""

    @property
    def now(self) -> int: ...
    def bind(self, capacity: int) -> None: ...
    def sample(self, entered_ns: int, left_ns: int, in_progress: int) -> None: ...


@final
class Door(map):  # type: ignore[type-arg]  # only type checkers could give it one
    """Let in whoever has one threshold. Reading `seat` takes one, or raises IndexError (an attribute: see `FreeList` in `_slots`).

    tally: the counts of its class. refusal: what is said to whoever finds no seat; None where that is the wall's to say.
    """

    __slots__ = ("refusal", "tally", "threshold")
    seat = cast("int", property(next))
    refusal: Shed | None
    tally: Tally
    threshold: int


@final
class Seats:
    """Hold the seats of one process, its doors, and what was counted. After a fork the child begins a new one.

    opened: the limit that the doors were made for. holders: by a seat's number, the class of who has it or had it last.
    """

    __slots__ = (
        *("__weakref__", "_classes", "_limit", "begun_s", "capacity", "clock", "doors", "epoch", "faults", "free", "heirs"),
        *("holders", "opened", "restore", "shed", "tallies", "unknown"),
    )

    def __init__(self, capacity: int, classes: Classes | None, limit: Limit | None, clock: Clock) -> None:
        self._classes: Final = classes or EVERYBODY
        self._limit: Final = limit
        self.capacity: Final = capacity
        self.begun_s: Final = monotonic()
        self.epoch: Final = epoch()
        self.heirs: Final[list[Seats]] = []
        self.free: Final[list[int]] = []
        self.restore: Final = self.free.append
        self.holders: Final = [NOBODY] * capacity
        self.tallies: Final = {label: Tally(number) for number, label in enumerate(self._classes.shares)}
        self.shed, self.unknown, self.faults = count(), count(), count()
        self.clock: Final = clock if clock is monotonic_ns else self._guarded_clock(clock)
        self.free.extend(map(_kind(self, self.restore), reversed(range(capacity))))
        self.open(self._now() if limit else capacity)

    def open(self, limit: int) -> None:
        """Make the doors anew for a limit, and put them there in one store. Who is inside stays inside (LIMIT-2)."""
        doors: dict[str | None, Door] = {}
        for label, most in self._classes.thresholds(limit).items():
            kept = self.capacity - most
            door = Door(self.free.pop, repeat(-kept - 1 if kept <= most else kept))
            door.tally, door.threshold = self.tallies[label], most
            door.refusal = None if not kept else Shed.LIMIT if most == limit else Shed.CLASS
            doors[label] = door
        if self._classes is EVERYBODY:
            doors[None] = doors[self._classes.default]
        self.doors: dict[str | None, Door] = doors
        self.opened = limit

    def default(self, label: object) -> Door:
        """Give the door of whoever has no label that is known as it is, and count that (CLASS-3)."""
        if self._classes is not EVERYBODY:
            if issubclass(type(label), str) and (door := self.doors.get(str.__str__(cast(str, label)))) is not None:
                return door  # of a kind of its own, as of an enumeration
            next(self.unknown)
        return self.doors[self._classes.default]

    def reconsider(self) -> bool:
        """Before anybody is refused: tell whether the limit no longer counts, and open the doors for that which does (POLICY-5)."""
        limit = self._limit
        if type(limit) is not AdaptiveLimit or limit.at(self.clock() or 0) == self.opened:
            return False
        self.open(limit.now)
        return True

    def refuse(self, door: Door) -> Shed:
        """Count a refusal, and give it."""
        refusal = cast(Shed, door.refusal)
        next(door.tally.shed_limit if refusal is Shed.LIMIT else door.tally.shed_class)
        if not next(self.shed) % YIELD_EVERY:
            yield_processor()  # as for FULL (RESPONSIVE-2)
        return refusal

    def sample(self, door: Door, entered_ns: int, inside: int) -> None:
        """Take note of one that has ended well (LIMIT-3)."""
        left_ns = self.clock()
        if left_ns is None or left_ns < entered_ns:
            next(self.faults)
            return
        next(door.tally.waits[bisect_left(BOUNDS_NS, left_ns - entered_ns)])
        limit = self._limit
        if limit is not None:
            if type(limit) is AdaptiveLimit:
                limit.sample(entered_ns, left_ns, inside)
                now = limit.now
            else:
                now = self._foreign(limit, entered_ns, left_ns, inside)
            if now != self.opened:
                self.open(now)

    def inside(self) -> list[int]:
        """Give the class of each call that has a seat, by its number: exact whenever nothing is mid-call."""
        home = set(self.free)
        return [holder for number, holder in enumerate(self.holders) if holder != NOBODY and number not in home]

    def _now(self) -> int:
        """Give the limit, or the capacity if it is none that could be (POLICY-4)."""
        limit: Any = self._limit
        now = limit.now
        return now if type(now) is int and 1 <= now <= self.capacity else self.capacity

    def _foreign(self, limit: Limit, entered_ns: int, left_ns: int, inside: int) -> int:
        """Have a limit that is not of this package take note. Where it raises, the wall alone counts (POLICY-4)."""
        try:
            limit.sample(entered_ns, left_ns, inside)
            return self._now()
        except Exception as error:  # noqa: BLE001 - whatever it is, the wall goes on
            error.__traceback__ = None  # should somebody keep it, it must not keep the caller's lease
            next(self.faults)
            return self.capacity

    def _guarded_clock(self, clock: Clock) -> Clock:
        def guarded() -> int | None:
            try:
                now = clock()
                return now if type(now) is int else None
            except Exception as error:  # noqa: BLE001 - the same
                error.__traceback__ = None
                return None

        return guarded


def _kind(seats: Seats, restore: Callable[[int], None]) -> type[int]:
    """Make the type of the seats of one admission, which refers to that weakly: see this module's docstring."""
    kind: Any = type("Seat", (int,), {"__slots__": ()})
    kind.seats = weakref.proxy(seats)
    kind.home = property(weakref.proxy(restore))
    kind.twin = property(kind)
    kind.__del__ = property(attrgetter("seats.capacity", "twin.home.over"))
    return cast("type[int]", kind)
