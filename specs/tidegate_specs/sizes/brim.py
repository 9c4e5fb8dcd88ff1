"""Fill intakes of many capacities to the brim, and count: as many as there are slots, and not one more."""

import random
from collections import deque
from math import nan
from typing import Any, Final, final

from ..check import WHOLE, Settings, Subject, capabilities_of
from ..progress import progress
from ..refinement.observed import Divergence, View, differences, observe
from .common import Faults, demand, told

DENSE: Final = 300  # every capacity up to here
POWERS: Final = (512, 1024, 2048, 4096)  # each with its neighbours
ROUND: Final = (1000, 10_000)
LARGE: Final = (65_535, 65_536, 65_537)
LARGEST: Final = 100_000  # in profile full
DRAWN: Final = 8
SMALLER: Final = (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1000)  # of others' queues
OVER: Final = 3  # offers too many
ODD: Final[tuple[Any, ...]] = (None, False, 0, "", (), NotImplemented, Ellipsis, StopIteration, IndexError(), object, (None,), nan)


def capacities(chance: random.Random, *, everything: bool) -> list[int]:
    """Give the capacities of a run, the small ones first."""
    near = [power + step for power in POWERS for step in (-1, 0, 1)]
    drawn = [round(2 ** chance.uniform(8.3, 14.3)) for _ in range(DRAWN * (8 if everything else 1))]
    large = (*LARGE, LARGEST) if everything else (chance.choice(LARGE),)
    return sorted({*range(1, DENSE + 1), *near, *ROUND, *drawn, *large})


def fill_and_count(subject: Subject, chance: random.Random, settings: Settings) -> str:
    """Go through all that is to be counted at each capacity."""
    if not capabilities_of(subject) >= WHOLE:
        faults = Faults()
        for capacity in SMALLER:
            _queue(subject, capacity, faults)
        faults.end()
        return f"{len(SMALLER)} capacities up to {SMALLER[-1]:,}"
    chosen = capacities(chance, everything=settings.profile == "full")
    calls = 0
    for capacity in chosen:
        progress(f"filled to the brim: capacity {capacity:,}")
        calls += _whole(subject, capacity, chance)
    return f"{len(chosen)} capacities up to {chosen[-1]:,}, {calls:,} calls"


@final
class Brim:
    """Make calls on one intake, and keep the books that its statistics must show."""

    def __init__(self, subject: Subject, capacity: int) -> None:
        self.subject, self.capacity = subject, capacity
        self.intake: Any = subject.Intake(capacity)
        self.free, self.full, self.closed, self.released, self.abandoned, self.peak = capacity, 0, 0, 0, 0, 0
        self.accepted = 0  # and the serial number of the next item
        self.queued: deque[int] = deque()
        self.leases: deque[tuple[int, Any]] = deque()
        self.calls = 0
        demand(
            self.intake.capacity == capacity, "FIXED-1", lambda: f"Intake({capacity}) tells {self.intake.capacity} as its capacity"
        )

    def _where(self) -> str:
        return f"Intake({self.capacity}) with {self.free} slots free, {len(self.queued)} queued and {len(self.leases)} in flight"

    def _item(self, serial: int) -> Any:
        """Give the item with this number: at first what might be taken for nothing, then numbers."""
        return ODD[serial] if serial < len(ODD) else serial

    def offer(self, number: int) -> None:
        """Offer so many items: those for which there is a slot are accepted, the others refused."""
        outcomes = self.subject.Outcome
        for _ in range(number):
            right = outcomes.ACCEPTED if self.free else outcomes.FULL
            answer = self.intake.offer(self._item(self.accepted))
            if answer is not right:
                clauses = ("BOUND-1", "BOUND-2") if right is outcomes.FULL else ("EXACT-1", "RECOVER-1")
                raise Divergence(clauses, f"an offer was answered {told(answer)} by an {self._where()}")
            if self.free:
                self.queued.append(self.accepted)
                self.accepted += 1
                self.free -= 1
            else:
                self.full += 1
        self.calls += number
        self.peak = max(self.peak, self.capacity - self.free)

    def take(self, number: int) -> None:
        """Take so many items, each the oldest, and look at it."""
        for _ in range(number):
            right = self.queued.popleft()
            lease, item = self._lease()
            if item is not self._item(right) and item != right:
                raise Divergence(("LOCAL-1",), f"{item} was taken, not {right}, from an {self._where()}")
            self.leases.append((right, lease))
        self.calls += number

    def _lease(self) -> tuple[Any, Any]:
        try:
            lease = self.intake.take(timeout=0)
            return lease, lease.item
        except Exception as error:  # noqa: BLE001 - whatever ended it is its answer
            raise Divergence(("LOCAL-1", "LEASE-1"), f"take ended with {error!r} in an {self._where()}") from None

    def put_back(self) -> None:
        """Drop a lease at whose item nobody has looked."""
        lease = self.intake.take(timeout=0)
        del lease
        self.queued.rotate(-1)

    def release(self, number: int) -> None:
        """Release so many leases, the oldest first, each of them twice."""
        for _ in range(number):
            serial, lease = self.leases.popleft()
            answers = (lease.release(), lease.release())
            if answers != (True, False):
                raise Divergence(("LEASE-1",), f"releasing {serial} twice was answered {answers} by an {self._where()}")
            self.free += 1
            self.released += 1
        self.calls += 2 * number

    def abandon(self, number: int) -> None:
        """Drop so many leases, the newest first, whose items were looked at."""
        for _ in range(number):
            self.leases.pop()
            self.free += 1
            self.abandoned += 1

    def drain(self) -> None:
        """Close by a drain that does not wait, and tells how many are left; offers are refused from here on."""
        left = self.intake.drain(timeout=0)
        held = self.capacity - self.free
        demand(left == held, "CLOSE-2", lambda: f"a drain answered {left} in an {self._where()}")
        answers = {self.intake.offer(None) for _ in range(OVER)}
        self.closed += OVER
        demand(
            answers == {self.subject.Outcome.CLOSED},
            "CLOSE-1",
            lambda: f"offers were answered {', '.join(map(told, answers))} by a closed {self._where()}",
        )

    def end(self) -> None:
        """Take from an intake in which nothing is left, by both ways."""
        try:
            answer: object = self.intake.take(timeout=0)
        except Exception as error:  # noqa: BLE001 - whatever ended it is its answer
            answer = type(error)
        left = list(self.intake)
        demand(
            answer is self.subject.Closed and not left,
            "CLOSE-2",
            lambda: f"take is answered {told(answer)} by a closed {self._where()}",
        )

    def count(self) -> None:
        """Hold statistics to the books."""
        self.calls += 1
        books = (self.free, len(self.queued), len(self.leases), self.accepted, self.full, self.closed)
        right = View(self.capacity, *books, self.released, self.abandoned, self.peak)
        seen = observe(self.intake)
        if seen != right:
            clauses, account = differences(seen, right)
            raise Divergence(clauses, f"{account}, in an {self._where()}")


def _whole(subject: Subject, capacity: int, chance: random.Random) -> int:
    """Use an intake up and down, once in part and twice to the brim. Gives how many calls that were."""
    it = Brim(subject, capacity)
    part = chance.randrange(capacity)
    it.count()
    it.offer(part)
    it.count()
    it.take(part)
    it.release(part)
    it.count()
    it.offer(capacity + OVER)
    it.count()
    part = chance.randint(1, capacity)
    it.take(part)
    it.count()
    back = chance.randint(1, part)
    it.release(back)
    it.count()
    it.offer(back + OVER)
    it.count()
    it.put_back()
    it.abandon(min(2, len(it.leases)))
    it.count()
    it.take(len(it.queued))
    it.release(len(it.leases))
    it.count()
    it.offer(capacity + OVER)
    it.drain()
    it.count()
    it.take(capacity)
    it.count()
    it.release(capacity)
    it.drain()
    it.count()
    it.end()
    return it.calls


def _queue(subject: Subject, capacity: int, faults: Faults) -> None:
    """Fill somebody else's intake to the brim, and empty it, twice; then close it, if it can be closed."""
    intake = subject.Intake(capacity)
    for _ in range(2):
        _fill_and_empty(subject, intake, capacity, faults)
    if "close" not in capabilities_of(subject):
        return
    intake.close()
    answer = intake.offer(0)
    faults.unless(answer is subject.Outcome.CLOSED, "CLOSE-1", f"a closed intake of {capacity} answered {told(answer)}")
    end: Any = subject.Closed
    try:
        end = intake.take(timeout=0)
    except (subject.Empty, subject.Closed) as error:
        end = type(error)
    faults.unless(end is subject.Closed, "CLOSE-2", f"a take from a closed, empty intake of {capacity} ended with {told(end)}")


def _fill_and_empty(subject: Subject, intake: Any, capacity: int, faults: Faults) -> None:
    outcomes = subject.Outcome
    holds = "release" in capabilities_of(subject)
    answers = [intake.offer(number) for number in range(capacity + OVER)]
    accepted = answers.count(outcomes.ACCEPTED)
    right = [outcomes.ACCEPTED] * capacity + [outcomes.FULL] * OVER
    clauses = "BOUND-1" if accepted > capacity else "EXACT-1 BOUND-2"
    demand(answers == right, clauses, lambda: f"an empty intake of {capacity} accepted {accepted} items")
    leases: list[Any] = []
    items: list[object] = []
    for _ in range(capacity):
        leases.append(intake.take(timeout=0))
        items.append(leases[-1].item)
        if not holds:
            leases.pop().release()
    faults.unless(items == list(range(capacity)), "LOCAL-1", f"an intake of {capacity}, full, gave {items[:5]} first")
    released = [lease.release() for lease in leases]
    again = [lease.release() for lease in leases]
    once = not holds or (all(released) and not any(again))
    faults.unless(once, "LEASE-1", f"leases of an intake of {capacity} are not released once")
