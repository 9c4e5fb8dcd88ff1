# SPDX-License-Identifier: MIT
"""How long what was accepted may wait, for the adapters that look at it when they hand it out: `executor` and `aio`."""

from collections.abc import Callable
from itertools import count, repeat
from time import monotonic
from typing import Any, Final, final

from .._forks import epoch
from .._intake import NO_LEASE

Seconds = int | float  # at run time an int is no float

NOBODY: Final = object()  # no item


@final
class Patience:
    """Tell what has waited for longer than its patience, and count it. Raises TypeError or ValueError for a bad `patience_s`.

    Of a clock that stands still or runs backwards nothing has waited. Whoever finds something overdue counts it by
    `next(patience.expired)`. owed: what was counted in a call that was interrupted before it told it, by a key of its own.
    In the child of a fork `here` gives a new one, with nothing counted.
    """

    __slots__ = ("_epoch", "_heirs", "expired", "on_expired", "owed", "patience_s")

    def __init__(self, patience_s: object, on_expired: Callable[[Any], object] | None = None) -> None:
        if not isinstance(patience_s, (int, float)) or isinstance(patience_s, bool):
            raise TypeError(f"patience_s must be a number of seconds or None, not {type(patience_s).__name__}")
        if not patience_s > 0:  # also catches NaN
            raise ValueError(f"patience_s must be above 0 seconds, not {patience_s}")
        self.patience_s: Final = patience_s
        self.on_expired: Final = on_expired
        self.expired: Final = count()
        self.owed: Final[dict[object, Any]] = {}
        self._epoch: Final = epoch()
        self._heirs: Final[list[Patience]] = []

    def here(self) -> "Patience":
        """Give that of this process."""
        patience = self
        while patience._epoch:
            if not patience._heirs:
                patience._heirs.append(Patience(patience.patience_s, patience.on_expired))
            patience = patience._heirs[0]  # the first, whoever made another
        return patience

    @staticmethod
    def now() -> float:
        """Read the clock, a monotonic one."""
        return monotonic()

    def overdue(self, since: float) -> float | None:
        """Give how long something has waited, if that is longer than the patience."""
        age = monotonic() - since
        return age if age > self.patience_s else None

    def take_fresh(self, lease: Any) -> bool:
        """Take as a lease of `aio` does, and pass by what has waited for too long (ASYNC-4)."""
        self.tell_owed()
        while lease._try():
            if lease._held[0] is NO_LEASE or not self.expire(lease._held[0].item, lease.release):
                return True
        return False

    def expire(self, kept: Any, release: Callable[[], object]) -> bool:
        """Free the slot of an item that is overdue, count it, then tell it: each once, whatever ends this (FRESH-1, FRESH-2).

        kept: the item, and when it was offered. False: it is not overdue, and nothing was done.
        """
        item, since = kept
        on_expired, counted, told = self.on_expired, False, False
        if self.overdue(since) is None:
            return False
        try:
            release()
            counted = True  # from here on it is: no call, so no exception can come before the next line
            next(self.expired)
            told = True  # the same
            if on_expired is not None:
                on_expired(item)
        except BaseException:
            if not told:
                release()
                if not counted:
                    next(self.expired)
                self.owed[object()] = item
            raise
        return True

    def tell_owed(self) -> None:
        """Tell what expired in calls that were interrupted before they told it."""
        if not self.owed:
            return
        item: Any = NOBODY
        try:
            for item in map(self.owed.pop, list(self.owed), repeat(NOBODY)):  # a loop: what comes out of a call has no name yet
                told, item = item, NOBODY  # noqa: PLW2901
                if told is not NOBODY and self.on_expired is not None:
                    self.on_expired(told)
        except BaseException:
            if item is not NOBODY:
                self.owed[object()] = item
            raise

    def number(self) -> int:
        """Count what has expired so far, in this process."""
        return int(repr(self.here().expired)[6:-1])  # the next number, without taking it
