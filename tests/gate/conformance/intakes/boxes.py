"""Small intakes for the tests of the kit: a right one, and ones that are wrong, hang, crash, or boast."""

import os
import pickle
import queue
import sys
import threading
from collections import deque
from typing import Any, ClassVar

from tidegate_specs.conformance import Adapter, Empty, Expected, Outcome, Taken, needs

WHY = Expected("it is a test", "https://example.org/why")


class Box(Adapter):
    """Keep the bound by one bytecode: a pop of a place from a list. For one thread."""

    capabilities = needs("offer answers refuses take bytecode")
    title = "a box"
    version = "1.0"

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity {capacity}")
        self.capacity = capacity
        self.items: deque[Any] = deque()

    def offer(self, item: Any) -> Outcome:
        if len(self.items) >= self.capacity:
            return Outcome.FULL
        self.items.append(item)
        return Outcome.ACCEPTED

    def take(self, timeout: float | None = None) -> Taken:
        del timeout
        if not self.items:
            raise Empty
        return Taken(self.items.popleft())


class OneMore(Box):
    """Take in one item more than it has room for."""

    def offer(self, item: Any) -> Outcome:
        self.capacity += 1
        try:
            return super().offer(item)
        finally:
            self.capacity -= 1


class OneMoreAsExpected(OneMore):
    """Say so."""

    expected: ClassVar = {"BOUND-1": WHY}


class WronglyExpected(Box):
    """Expect a fault that is not there, one that is not applicable, and one of a clause that does not exist."""

    expected: ClassVar = {"NORETRY-1": WHY, "FORK-1": WHY, "BUOND-1": WHY}


class Waits(Box):
    """Wait for ever when full."""

    def offer(self, item: Any) -> Outcome:
        if len(self.items) >= self.capacity:
            queue.SimpleQueue[None]().get()
        return super().offer(item)


class Crashes(Box):
    """End the process when full."""

    def offer(self, item: Any) -> Outcome:
        if len(self.items) >= self.capacity:
            os._exit(9)
        return super().offer(item)


class Silent(Box):
    """Declare nothing."""

    capabilities: ClassVar[Any] = None


class Boasts(Box):
    """Declare what it does not have."""

    capabilities = needs("offer take drain")


class Strange(Box):
    """Declare what nobody knows."""

    capabilities = needs("offer fly")


def made(capacity: int) -> Box:
    """Be a factory that is no class."""
    return Box(capacity)


def plain(capacity: int) -> int:
    """Make something that is no adapter."""
    return capacity


NUMBER = 7


class Pickles(Box):
    """Keep what `pickle` makes of the items, as queues between processes do."""

    capabilities = needs("offer answers refuses take")
    native = True  # what serialises is
    title = "a box of pickles"

    def offer(self, item: Any) -> Outcome:
        if len(self.items) >= self.capacity:
            return Outcome.FULL
        self.items.append(pickle.dumps(item))
        return Outcome.ACCEPTED

    def take(self, timeout: float | None = None) -> Taken:
        del timeout
        if not self.items:
            raise Empty
        return Taken(pickle.loads(self.items.popleft()))


class PicklesAsExpected(Pickles):
    """Say so."""

    expected: ClassVar = {"HOSTILE-1": WHY}


class PicklesOneMore(Pickles):
    """Take in one more than it has room for, beside."""

    def offer(self, item: Any) -> Outcome:
        if len(self.items) > self.capacity:
            return Outcome.FULL
        self.items.append(pickle.dumps(item))
        return Outcome.ACCEPTED


# For the levels.


class Guarded(Adapter):
    """Be right, behind a lock, for threads."""

    capabilities = needs("offer answers refuses take threads bytecode")
    title = "a guarded box"

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity {capacity}")
        self.capacity = capacity
        self.lock = threading.Lock()
        self.items: deque[Any] = deque()

    def offer(self, item: Any) -> Outcome:
        with self.lock:
            if len(self.items) >= self.capacity:
                return Outcome.FULL
            self.items.append(item)
            return Outcome.ACCEPTED

    def take(self, timeout: float | None = None) -> Taken:
        del timeout
        with self.lock:
            if not self.items:
                raise Empty
            return Taken(self.items.popleft())


class ChecksThenActs(Guarded):
    """Look for room before the lock is taken."""

    def offer(self, item: Any) -> Outcome:
        if len(self.items) >= self.capacity:
            return Outcome.FULL
        with self.lock:
            self.items.append(item)
            return Outcome.ACCEPTED


class LooksThenTakes(Guarded):
    """Give two takers the same item; and say only that an exception may lose one."""

    expected: ClassVar = {"LOCAL-1": Expected("an exception may come between", "https://example.org/why", ("exception",))}

    def take(self, timeout: float | None = None) -> Taken:
        del timeout
        if not self.items:
            raise Empty
        item = self.items[0]
        with self.lock:
            self.items.popleft()
        return Taken(item)


class Undeclared(ChecksThenActs):
    """Do not say that it is written in Python."""

    capabilities = needs("offer answers refuses take threads")


class WithoutBound(Guarded):
    """Take a capacity of zero or less for no bound."""

    zero_is_unbounded = True

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity if capacity > 0 else sys.maxsize)


class BoundedAfterAll(WithoutBound):
    """Say so, and have a bound all the same."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity if capacity > 0 else 7)


# Adapters with a mistake of their own.


class BadConstructor(Box):
    """Look for what is not there, first of all."""

    def __init__(self, capacity: int) -> None:
        known: dict[str, int] = {}
        super().__init__(known["capacity"] + capacity)  # slip of the constructor


class BadFirstOffer(Box):
    """Look for what is not there in the first offer, in a function that is called by it."""

    def offer(self, item: Any) -> Outcome:
        return look_up(item)


def look_up(item: Any) -> Outcome:
    """Be where it is looked for."""
    found: dict[Any, Outcome] = {}
    return found[item]  # slip of the offer


class AnswersNothing(Box):
    """Forget to answer an offer."""

    def offer(self, item: Any) -> Any:
        self.items.append(item)


class HasNoTimeout(Box):
    """Let `take` have no time-out."""

    def take(self) -> Taken:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().take()


class TakesNothing(Box):
    """Forget to give what was taken."""

    def take(self, timeout: float | None = None) -> Any:
        super().take(timeout)


class NothingForEmpty(Box):
    """Give nothing where there is nothing."""

    def take(self, timeout: float | None = None) -> Any:
        return super().take(timeout) if self.items else None


class AnothersEmpty(Box):
    """Raise somebody else's exception where there is nothing."""

    def take(self, timeout: float | None = None) -> Taken:
        if not self.items:
            raise queue.Empty
        return super().take(timeout)


class WaitsAtOnce(Box):
    """Wait for ever at the first take."""

    def take(self, timeout: float | None = None) -> Taken:
        queue.SimpleQueue[None]().get()  # where it waits
        return super().take(timeout)


class SlipsWhenFull(Box):
    """Look for what is not there, when full."""

    def offer(self, item: Any) -> Outcome:
        return look_up(item) if self.items else super().offer(item)


class ForgetsToCatch(Box):
    """Let a full queue's exception out, and do not say that a refusal is an answer of its own."""

    capabilities = needs("offer refuses take")

    def offer(self, item: Any) -> Outcome:
        if self.items:
            raise queue.Full
        return super().offer(item)


def bad_factory(capacity: int) -> Box:
    """Be a factory of what can't be made."""
    return BadConstructor(capacity)
