"""Intakes that are wrong on purpose, each in one way, to see that the kit finds it; and two right ones, which it must not accuse.

`breaks` names the clauses that the fault breaks: at least one must be found ILLEGAL, and no other one.
"""

import time
from collections import deque
from types import SimpleNamespace
from typing import Any, Final, final

from .adapter import Adapter, Empty, Outcome, Taken
from .honest import Kernel, Lease, Locked, Plain
from .wrong_talk import KeepsAJournal, Logs, OpensItsJournal, Prints, TellsNowAndThen, Warns, WritesToStderr

LONGER_THAN_PATIENCE_S: Final = 3600.0


@final
class CheckThenAct(Plain):
    """Look whether there is room, and put the item in afterwards."""

    breaks = ("BOUND-1", "REENTRY-1", "INTERRUPT-1", "LOCAL-1")

    def offer(self, item: Any) -> Outcome:
        if len(self._queue) >= self.capacity:
            return Outcome.FULL
        self._queue.append(item)
        return Outcome.ACCEPTED


@final
class Unbounded(Locked):
    """Refuse nothing."""

    breaks = ("BOUND-1", "BOUND-2")

    def _is_full(self) -> bool:
        return False


@final
class OneTooMany(Locked):
    """Let in one more than there are slots."""

    breaks = ("BOUND-1", "BOUND-2")

    def _is_full(self) -> bool:
        return len(self._queue) + self._in_flight > self.capacity


@final
class OneTooFew(Locked):
    """Refuse the last slot, as if it were lost."""

    breaks = ("EXACT-1", "RECOVER-1", "BOUND-2")

    def _is_full(self) -> bool:
        return len(self._queue) + self._in_flight >= max(1, self.capacity - 1)


@final
class SpuriousFull(Locked):
    """Refuse every seventh offer, as if a slot were lost."""

    breaks = ("EXACT-1", "RECOVER-1", "BOUND-2", "LEASE-1")

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._offers = 0

    def _is_full(self) -> bool:
        self._offers += 1
        return self._offers % 7 == 0 or super()._is_full()


@final
class AnyCapacity(Locked):
    """Make an intake of capacity zero or less."""

    breaks = ("HOSTILE-1", "FIXED-1")

    def __init__(self, capacity: int) -> None:
        super().__init__(max(1, capacity))


# Items


@final
class DropsOldest(Locked):
    """Throw out the oldest item to make room."""

    breaks = ("LOCAL-1", "BOUND-1", "BOUND-2")  # in the state machine's terms one too many was accepted

    def _refuse(self, item: Any) -> Outcome:
        if not self._queue:
            return Outcome.FULL
        self._queue.popleft()
        self._queue.append(item)
        return Outcome.ACCEPTED


@final
class DropsNewest(Locked):
    """Answer ACCEPTED when full, and forget the item."""

    breaks = ("LOCAL-1", "BOUND-1", "BOUND-2")

    def _refuse(self, item: Any) -> Outcome:
        del item
        return Outcome.ACCEPTED


@final
class LastFirst(Locked):
    """Give the newest item first."""

    breaks = ("LOCAL-1",)

    def _next(self) -> Any:
        return self._queue.pop()


@final
class LeaksOnRejection(Locked):
    """Keep what was refused."""

    breaks = ("MEMORY-1", "NORETRY-1")

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._refused: list[Any] = []

    def _refuse(self, item: Any) -> Outcome:
        self._refused.append(item)
        return Outcome.FULL


@final
class RetriesLater(Locked):
    """Keep what was refused, and let it in when a slot is free, which then is not free for others."""

    breaks = ("NORETRY-1", "MEMORY-1", "LOCAL-1", "BOUND-2", "EXACT-1", "LEASE-1", "CLOSE-2")

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._refused: deque[Any] = deque(maxlen=1)

    def _refuse(self, item: Any) -> Outcome:
        self._refused.append(item)
        return Outcome.FULL

    def _free(self) -> None:
        with self._changed:
            self._in_flight -= 1
            if self._refused:
                self._queue.append(self._refused.popleft())


@final
class ComparesItems(Locked):
    """Refuse an item that is queued already, which asks the items whether they are equal."""

    breaks = ("HOSTILE-1",)

    def offer(self, item: Any) -> Outcome:
        return Outcome.FULL if item in self._queue else super().offer(item)


@final
class RaisesWhenFull(Locked):
    """Refuse by an exception, and declare a value."""

    breaks = ("EXPLICIT-1",)

    def _refuse(self, item: Any) -> Outcome:
        raise BufferError("full")


@final
class NoneForNothing(Locked):
    """Take an item that is None for there being none."""

    breaks = ("LOCAL-1",)

    def take(self, timeout: float | None = None) -> Lease:
        lease = super().take(timeout)
        if lease.item is None:
            lease.release()
            raise Empty
        return lease


# Slots


@final
class Widens(Locked):
    """Make twice the room once five thousand offers are refused."""

    breaks = ("BOUND-1", "FIXED-1")

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._room, self._refused = capacity, 0

    def _is_full(self) -> bool:
        return len(self._queue) + self._in_flight >= self._room

    def _refuse(self, item: Any) -> Outcome:
        self._refused += 1
        if self._refused == 5_000:
            self._room *= 2
        return super()._refuse(item)


@final
class FreesTwice(Locked):
    """Free a slot each time that a lease is released."""

    breaks = ("LEASE-1", "BOUND-1", "BOUND-2")

    @final
    class _Lease(Lease):
        def release(self) -> bool:
            if not super().release():
                self._free()
            return True

    def take(self, timeout: float | None = None) -> Lease:
        return self._Lease(super().take(timeout).item, self._free)


@final
class KeepsTheSlot(Locked):
    """Free no slot at release."""

    breaks = ("LEASE-1", "BOUND-2", "EXACT-1", "RECOVER-1")

    def _free(self) -> None:
        pass


@final
class LosesSlotOnException(Plain):
    """Take a slot before the item is in the queue, and never look back."""

    breaks = ("INTERRUPT-1", "BOUND-2", "LOCAL-1")

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._slots: deque[None] = deque([None] * capacity)

    def offer(self, item: Any) -> Outcome:
        try:
            self._slots.pop()
        except IndexError:
            return Outcome.FULL
        self._queue.append(item)
        return Outcome.ACCEPTED

    def take(self, timeout: float | None = None) -> Taken:
        taken = super().take(timeout)
        self._slots.append(None)
        return taken


@final
class MiscountsStatistics(Locked):
    """Count an accepted item as refused as well."""

    breaks = ("LEDGER-1",)
    capabilities = Locked.capabilities | {"statistics"}

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self._counts = dict.fromkeys(("accepted", "full", "closed", "released", "abandoned", "peak"), 0)

    def offer(self, item: Any) -> Outcome:
        answer = super().offer(item)
        self._counts[answer.value] += 1
        self._counts["full"] += answer is Outcome.ACCEPTED
        self._counts["peak"] = max(self._counts["peak"], len(self._queue) + self._in_flight)
        return answer

    def _free(self) -> None:
        super()._free()
        self._counts["released"] += 1

    def statistics(self) -> SimpleNamespace:
        queued, in_flight = len(self._queue), self._in_flight
        free = self.capacity - queued - in_flight
        return SimpleNamespace(capacity=self.capacity, free=free, queued=queued, in_flight=in_flight, **self._counts)


# Waiting


@final
class BlocksWhenFull(Locked):
    """Wait for a slot, and say that it may be stopped anywhere."""

    breaks = ("NOWAIT-2", "INTERRUPT-1", "BOUND-2", "LOCAL-1", "REENTRY-1", "EXACT-1")
    capabilities = Locked.capabilities | {"bytecode"}

    def _refuse(self, item: Any) -> Outcome:
        time.sleep(LONGER_THAN_PATIENCE_S)
        return super()._refuse(item)


@final
class LocksAroundOffer(Locked):
    """Take a lock around everything, and say that it may be stopped anywhere."""

    breaks = ("NOWAIT-2", "INTERRUPT-1", "BOUND-2", "LOCAL-1", "REENTRY-1", "EXACT-1")
    capabilities = Locked.capabilities | {"bytecode"}


# Closing


@final
class ForgetsToWake(Locked):
    """Close without a word to those who wait."""

    breaks = ("CLOSE-2",)

    def close(self) -> None:
        with self._changed:
            self._closed = True


@final
class AcceptsAfterClose(Locked):
    """Let items in after close."""

    breaks = ("CLOSE-1", "CLOSE-2")

    def offer(self, item: Any) -> Outcome:
        with self._changed:
            if self._is_full():
                return self._refuse(item)
            self._queue.append(item)
            return Outcome.ACCEPTED


@final
class EmptiesOnClose(Locked):
    """Throw away at close what is queued."""

    breaks = ("CLOSE-2", "LOCAL-1")

    def close(self) -> None:
        super().close()
        self._queue.clear()


RIGHT: Final[tuple[type[Adapter], ...]] = (Locked, Kernel)
WRONG: Final[tuple[type[Locked | Plain], ...]] = (
    CheckThenAct,
    Unbounded,
    OneTooMany,
    OneTooFew,
    SpuriousFull,
    AnyCapacity,
    DropsOldest,
    DropsNewest,
    LastFirst,
    LeaksOnRejection,
    RetriesLater,
    ComparesItems,
    RaisesWhenFull,
    NoneForNothing,
    Prints,
    WritesToStderr,
    Logs,
    Warns,
    OpensItsJournal,
    KeepsAJournal,
    TellsNowAndThen,
    Widens,
    FreesTwice,
    KeepsTheSlot,
    LosesSlotOnException,
    MiscountsStatistics,
    BlocksWhenFull,
    LocksAroundOffer,
    ForgetsToWake,
    AcceptsAfterClose,
    EmptiesOnClose,
)
