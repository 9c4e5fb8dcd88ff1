"""Plain intakes that keep the contract, from which the wrong ones are made; and the kernel behind the adapter."""

import importlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Final, NoReturn, final

import tidegate

from ..check import WHOLE, needs
from .adapter import Adapter, Closed, Empty, Outcome, Taken

PARTS: Final[Any] = importlib.import_module("tidegate._slots")


class Lease(Taken):
    """Hold an item in its slot until the first release."""

    def __init__(self, item: Any, free: Callable[[], None]) -> None:
        super().__init__(item)
        self._free = free

    def release(self) -> bool:
        if not super().release():
            return False
        self._free()
        return True


class Locked(Adapter):
    """Be right: a queue behind a lock, and slots counted under the same lock. What such a lock can't do it does not declare."""

    capabilities = needs("offer answers refuses take wait release close threads")
    breaks: ClassVar[tuple[str, ...]] = ()

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self.capacity = capacity
        self._changed = threading.Condition()
        self._queue: deque[Any] = deque()
        self._in_flight = 0
        self._closed = False

    def offer(self, item: Any) -> Outcome:
        with self._changed:
            if self._closed:
                return Outcome.CLOSED
            if self._is_full():
                return self._refuse(item)
            self._queue.append(item)
            self._changed.notify()
            return Outcome.ACCEPTED

    def _is_full(self) -> bool:
        return len(self._queue) + self._in_flight >= self.capacity

    def _refuse(self, item: Any) -> Outcome:
        del item
        return Outcome.FULL

    def take(self, timeout: float | None = None) -> Lease:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed, timeout)
            if self._queue:
                self._in_flight += 1
                return Lease(self._next(), self._free)
            raise Closed if self._closed else Empty

    def _next(self) -> Any:
        return self._queue.popleft()

    def _free(self) -> None:
        with self._changed:
            self._in_flight -= 1

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


@final
class Kernel(Adapter):
    """Be right: the kernel itself behind an adapter, with all that there is to declare."""

    capabilities = WHOLE
    breaks: ClassVar[tuple[str, ...]] = ()
    judged = (tidegate.Intake, tidegate.Lease, PARTS.Slots, PARTS.Token, PARTS.SlotRef)
    title = "tidegate.Intake behind an adapter"

    def __init__(self, capacity: int) -> None:
        self._intake: tidegate.Intake[Any] = tidegate.Intake(capacity)

    # Read-only, as FIXED-1 asks and the type of a plain adapter does not: a type checker can't know that nobody here sets it.
    @property
    def capacity(self) -> int:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._intake.capacity

    def offer(self, item: Any) -> Outcome:
        return OUTCOMES[self._intake.offer(item)]

    def take(self, timeout: float | None = None) -> Any:
        try:
            return self._intake.take(timeout)
        except tidegate.Empty:
            raise Empty from None
        except tidegate.Closed:
            raise Closed from None

    def close(self) -> None:
        self._intake.close()

    def drain(self, timeout: float | None = None) -> int:
        return self._intake.drain(timeout)

    def statistics(self) -> tidegate.Statistics:
        return self._intake.statistics()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an intake can't be copied")


OUTCOMES: Final = {theirs: Outcome[theirs.name] for theirs in tidegate.Outcome}


# The bound


class Plain(Adapter):
    """Be right but for what an exception or a call from inside catches between two steps, as in all that is plain Python.

    Taking an item frees its slot.
    """

    capabilities = needs("offer answers refuses take threads bytecode")
    breaks: ClassVar[tuple[str, ...]]

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self.capacity = capacity
        self._queue: deque[Any] = deque()

    def take(self, timeout: float | None = None) -> Taken:
        del timeout
        try:
            return Taken(self._queue.popleft())
        except IndexError:
            raise Empty from None
