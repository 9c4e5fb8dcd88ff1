# SPDX-License-Identifier: MIT
"""Tell the host when overload begins and when it ends, without a callback in the path of an offer.

A look reads `statistics()` and compares it with the look before. An episode of overload begins with the first look that finds new
rejections (`full` grew), and ends with the first look that finds none since the look before, and a free slot. How often one looks
is what separates one episode from the next: closer together than that, they are one.

    watch = OverloadWatch(intake)
    edge = watch.look()                                # an `Edge`, or None: nothing to tell
    with watched(intake, tell, interval_s=1.0):        # or let a thread look, and call tell(edge)
        serve()

`rejected` is exact: the count at this look less the count at the last look before the episode. So each rejection after the watch
was made belongs to one episode, and once an episode has ended, its edge tells all of them.

Prior art: resilience4j and Polly call listeners from inside the refused call, where a slow one costs the producer, and one that
raises changes the answer. Considered and rejected: a callback in `offer` (the same); a hook on every change from full to not full
(an edge for each release under steady overload); thresholds and hysteresis to be configured (the interval is one).

Limits: one party looks; two that call `look` of one watch at once may both be told the same edge. A burst between two looks is
told at the second, as one episode. In a forked child, whose intake counts from 0, a watch starts afresh; the thread stays behind.
"""

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Literal, Protocol, final

from .. import Statistics

__all__ = ["Edge", "HasStatistics", "OverloadWatch", "attempt", "checked_interval", "watched"]


class HasStatistics(Protocol):
    """Name what is read: an intake, or whatever else answers `statistics()` as one does."""

    def statistics(self) -> Statistics: ...


@final
@dataclass(frozen=True, slots=True)
class Edge:
    """Tell that overload was entered or left (EDGE-1).

    kind: "entered" or "left". rejected: offers answered FULL since the episode began, up to this look; for "left" all of the
    episode's. statistics: the reading that it was decided on.
    """

    kind: Literal["entered", "left"]
    rejected: int
    statistics: Statistics


def checked_interval(interval_s: float) -> float:
    """Give the interval. ValueError unless it is above 0 seconds and no more than a wait can be; TypeError if it is no number."""
    if not 0 < interval_s <= threading.TIMEOUT_MAX:
        raise ValueError(f"interval_s must be above 0 and at most {threading.TIMEOUT_MAX:.0f} seconds, not {interval_s}")
    return interval_s


@final
class OverloadWatch:
    """Find the edges of overload in what `statistics()` says, from the moment it is made on (EDGE-1)."""

    __slots__ = ("_source", "_state")

    def __init__(self, source: HasStatistics) -> None:
        self._source: Final = source
        # The count before the episode (None outside of one) and at the last look: replaced by one store, so that an exception
        # that arrives in a look leaves its edge to the next one.
        self._state: tuple[int | None, int] = (None, source.statistics().full)

    @property
    def overloaded(self) -> bool:
        """Whether the last look left an episode open."""
        return self._state[0] is not None

    def look(self) -> Edge | None:
        """Compare the statistics with those of the last look, and give the edge between the two, if there is one (EDGE-1).

        Never waits and calls nothing but `statistics()`. To be called by one party, which tells whom it concerns.
        Linearization point: the reading.
        """
        reading = self._source.statistics()
        full = reading.full
        before, last = self._state
        if full < last:  # a fork: the child's intake counts from 0, and what the parent saw is the parent's
            before, last = None, 0
        edge: Edge | None = None
        if before is None:
            if full > last:
                before = last
                edge = Edge("entered", full - before, reading)
        elif full == last and reading.free:
            edge = Edge("left", full - before, reading)
            before = None
        self._state = (before, full)
        return edge


def attempt(call: Callable[[], object]) -> None:
    """Make a call in a thread that must go on: an exception of whatever kind goes to `threading.excepthook`, and ends no more."""
    try:
        call()
    except BaseException:  # noqa: BLE001 - it ends no more than this call
        with suppress(Exception):  # the hook is the host's too
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


@contextmanager
def watched(source: HasStatistics, tell: Callable[[Edge], object], interval_s: float = 1.0) -> Generator[OverloadWatch, None, None]:
    """Look every `interval_s` seconds in a thread of its own, which calls `tell` with each edge (EDGE-1).

    On the way out it looks once more, tells what it finds, and waits for the thread: as long as a `tell` in progress takes. An
    exception of `tell` goes to `threading.excepthook`, and the thread goes on: no later edge is lost. The thread is a daemon, and
    does not keep the interpreter from exiting. ValueError for an interval that is not above 0.
    """
    checked_interval(interval_s)
    watch = OverloadWatch(source)
    over = threading.Event()

    def look() -> None:
        if edge := watch.look():
            tell(edge)

    def work() -> None:
        while not over.wait(interval_s):
            attempt(look)
        attempt(look)

    thread = threading.Thread(target=work, name="tidegate-edges", daemon=True)
    thread.start()
    dropped = False
    try:
        yield watch
    except GeneratorExit:  # by the collector, or while the interpreter exits: then there may be no thread left to wait for
        dropped = True
        raise
    finally:
        over.set()
        if not dropped:
            thread.join()
