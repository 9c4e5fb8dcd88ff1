# SPDX-License-Identifier: MIT
"""The values the intake answers with, and the two exceptions that `take` ends with."""

import enum
import queue
import sys
from dataclasses import dataclass


@classmethod  # type: ignore[misc]  # mypy wants it in a class, and three classes have it
def sealed(cls: type) -> None:
    """Let no class derive from one that has this for its `__init_subclass__`: what it promises holds of it alone."""
    raise TypeError(f"{cls.__mro__[1].__name__} is final: what it promises holds of this class alone")


class Outcome(enum.Enum):
    """Answer an offer. Only `ACCEPTED` is true (EXPLICIT-1).

    ACCEPTED: the item holds a slot and will be taken exactly once.
    FULL: at an instant within the call every slot was held (EXACT-1). The item is untouched and still the caller's.
    CLOSED: the intake is closed for good. The item is untouched and still the caller's.
    """

    ACCEPTED = "accepted"
    FULL = "full"
    CLOSED = "closed"

    def __bool__(self) -> bool:
        return self is Outcome.ACCEPTED


class Empty(queue.Empty):
    """Raised by `take` when its time is over and nothing was there. More may come."""


class Closed(queue.ShutDown if sys.version_info >= (3, 13) else Exception):  # type: ignore[misc]  # it is new in 3.13
    """Raised by `take` when the intake is closed and no accepted item can ever appear again (CLOSE-2)."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Tell how the slots are used now and what was answered so far. All fields count items, slots or offers.

    free, queued, in_flight: slots by state; they add up to `capacity` (BOUND-2). An offer still in progress counts as free
    until it has stored its item.
    accepted, full, closed: offers by answer; their sum is the number of offers answered (LEDGER-1).
    released, abandoned: accepted items that are finished, by a release or by a lease that was dropped unreleased.
    accepted = queued + in_flight + released + abandoned, in every reading (LEDGER-1).
    peak: the largest number of slots in use at once so far.
    """

    capacity: int
    free: int
    queued: int
    in_flight: int
    accepted: int
    full: int
    closed: int
    released: int
    abandoned: int
    peak: int

    __init_subclass__ = sealed
