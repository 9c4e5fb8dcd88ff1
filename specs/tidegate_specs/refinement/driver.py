"""Make calls on an implementation, and tell what it answered."""

import copy
import pickle
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import nan
from typing import Any, Final

from ..check import Subject
from .observed import Divergence, Item, PlainItem

# Calls.


@dataclass(frozen=True, slots=True)
class Call:
    """Name one call. `lease` is the position among the leases held, the oldest first, where the call is about one."""

    name: str
    lease: int = 0

    def __str__(self) -> str:
        return f"{self.name} {self.lease}" if self.name in LEASE_CALLS else self.name


LEASE_CALLS: Final = ("look", "release", "enter", "drop")
MISUSES: Final = ("misuse_intake", "misuse_take", "misuse_drain", "misuse_lease", "copy", "resize", "show")


class Driver:
    """Perform calls on one intake of a subject, and give the answers as plain text or numbers.

    It keeps no item: `live` knows by weak references which accepted items are still alive. `finished` keeps the leases released
    last. plain: its items let themselves be called and copied, and which of them are alive is not looked at.
    """

    def __init__(self, subject: Subject, capacity: int, plain: bool = False) -> None:
        self.subject, self.plain = subject, plain
        try:
            self.intake = subject.Intake(capacity)
        except Exception as error:
            raise Divergence(("HOSTILE-1", "FIXED-1"), f"Intake({capacity}) raised {error!r}") from error
        self.iterator: Any = None
        self.leases: list[Any] = []
        self.finished: list[Any] = []
        self.touched: list[str] = []
        self.live: weakref.WeakValueDictionary[int, Item | PlainItem] = weakref.WeakValueDictionary()
        self.accepted = 0

    def perform(self, call: Call) -> object:
        """Make one call. An exception is an answer too ("raised KeyError"), and so is "called __eq__ of an item"."""
        perform: Callable[[int], object] = getattr(self, f"_{call.name}")
        try:
            answer = perform(call.lease)
        except Exception as error:  # noqa: BLE001 - any
            answer = f"raised {type(error).__name__}"
        return answer if not self.touched else f"called {self.touched[0]} of an item"

    def _offer(self, _: int) -> object:
        item = PlainItem(self.accepted) if self.plain else Item(self.accepted, self.touched)
        answer = self.intake.offer(item)
        outcomes = self.subject.Outcome
        trace = weakref.ref(item)
        if answer is outcomes.ACCEPTED:
            self.live[self.accepted] = item
            self.accepted += 1
            return "ACCEPTED" if answer else "ACCEPTED, but false"
        del item
        if answer is not outcomes.FULL and answer is not outcomes.CLOSED:
            return "something that is no Outcome"
        name = "FULL" if answer is outcomes.FULL else "CLOSED"
        if answer:
            return f"{name}, but true"
        return name if trace() is None else f"{name}, but the item is kept"

    def _take(self, _: int) -> object:
        try:
            self.leases.append(self.intake.take(timeout=0))
        except self.subject.Empty:
            return "Empty"
        except self.subject.Closed:
            return "Closed"
        return "a lease"

    def _take_unlimited(self, _: int) -> object:
        """Take without a time-out. For when something is queued, or nothing can come any more."""
        try:
            self.leases.append(self.intake.take())
        except self.subject.Closed:
            return "Closed"
        return "a lease"

    def _iterate(self, _: int) -> object:
        """Ask the one iterator for the next lease. For when something is queued, or nothing can come any more."""
        self.iterator = self.iterator or iter(self.intake)
        try:
            self.leases.append(next(self.iterator))
        except StopIteration:
            return "Closed"
        return "a lease"

    def _look(self, lease: int) -> object:
        return _serial_of(self.leases[lease].item)

    def _release(self, lease: int) -> object:
        self.finished = [self.leases.pop(lease), *self.finished[:2]]
        return self.finished[0].release()

    def _release_again(self, _: int) -> object:
        """Release what was released before: the newest of them, and the oldest that is still at hand."""
        answers = [lease.release() for lease in self.finished]
        return next((answer for answer in answers if answer is not False), False)

    def _enter(self, lease: int) -> object:
        """Look at the item in a `with` block that ends with an exception."""
        held = self.leases.pop(lease)
        self.finished = [held, *self.finished[:2]]
        serial: object = "something never offered"
        try:
            with held as item:
                serial = _serial_of(item)
                del item
                _interrupt()
        except InterruptedError:
            return serial
        return "no exception out of the block"

    def _drop(self, lease: int) -> object:
        """Lose the last reference to a lease."""
        del self.leases[lease]
        return None

    def _take_seen(self, _: int) -> object:
        """Take, and look at the item at once: where nothing is put back, it makes no difference that nobody looked."""
        answer = self._take(0)
        return self._look(-1) if answer == "a lease" else answer

    def _serve(self, _: int) -> object:
        """Take, look at the item, and release at once: all that there is of a lease where taking frees the slot."""
        serial = self._take_seen(0)
        if type(serial) is not int:
            return serial
        released = self._release(-1)
        self.finished.clear()
        return serial if released is True else f"a lease whose release answered {released}"

    def _close(self, _: int) -> object:
        return self.intake.close()

    def _drain(self, _: int) -> object:
        return self.intake.drain(timeout=0)

    def _drain_unlimited(self, _: int) -> object:
        """Drain without a time-out. For when nothing is left to wait for."""
        return self.intake.drain()

    # Misuse. Each answers "refused" if every attempt got the right error.

    def _misuse_intake(self, _: int) -> object:
        make = self.subject.Intake
        wrong = _refused(TypeError, *(lambda c=c: make(c) for c in (True, False, 1.0, "1", None, nan)))
        return _both(wrong, _refused(ValueError, *(lambda c=c: make(c) for c in (0, -1, -(2**70), 2**62, 2**70))))

    def _misuse_take(self, _: int) -> object:
        return _misused_timeout(self.intake.take)

    def _misuse_drain(self, _: int) -> object:
        return _misused_timeout(self.intake.drain)

    def _misuse_lease(self, _: int) -> object:
        """Look at what was released, and make a lease by hand."""
        looks = _refused(ValueError, *(lambda lease=lease: lease.item for lease in self.finished))
        kinds: list[Callable[[], object]] = [type(lease) for lease in self.finished[:1]]
        return _both(looks, _refused(TypeError, *kinds))

    def _copy(self, _: int) -> object:
        things = [self.intake, *self.leases]
        return _refused(TypeError, *(lambda f=f, x=x: f(x) for f in (copy.copy, copy.deepcopy, pickle.dumps) for x in things))

    def _resize(self, _: int) -> object:
        return _refused(AttributeError, lambda: setattr(self.intake, "capacity", 1000), lambda: delattr(self.intake, "capacity"))

    def _show(self, _: int) -> object:
        """Ask for the `repr` of everything, and for the capacity."""
        texts = [repr(x) for x in (self.intake, *self.leases, *self.finished)]
        return self.intake.capacity if all(texts) else "an empty repr"


def _serial_of(item: Any) -> object:
    """Tell an item's number, without calling anything of it."""
    return item.serial if type(item) in (Item, PlainItem) else "something never offered"


def _refused(error: type[Exception], *attempts: Callable[[], object]) -> str:
    """Make attempts that must each raise exactly that error."""
    for attempt in attempts:
        try:
            attempt()
        except Exception as raised:  # noqa: BLE001 - any but the right one is told
            if type(raised) is not error:
                return f"{type(raised).__name__} instead of {error.__name__}"
        else:
            return f"no {error.__name__}"
    return "refused"


def _both(first: str, second: str) -> str:
    return second if first == "refused" else first


_BAD_TYPES: Final[tuple[Any, ...]] = ("1", True, (), 1j)
_BAD_VALUES: Final[tuple[Any, ...]] = (-1, -0.001, nan, float("-inf"))


def _misused_timeout(call: Callable[[Any], object]) -> str:
    wrong = _refused(TypeError, *(partial(call, timeout) for timeout in _BAD_TYPES))
    return _both(wrong, _refused(ValueError, *(partial(call, timeout) for timeout in _BAD_VALUES)))


def _interrupt() -> None:
    raise InterruptedError
