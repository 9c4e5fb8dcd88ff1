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
From a signal handler `look` may be called, also of a watch that it interrupted. No `watched` may be left there: leaving waits.
"""

import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, final, runtime_checkable

from .. import Statistics

__all__ = ["Edge", "HasStatistics", "OverloadWatch", "attempt", "checked_interval", "watched"]


Seconds = int | float  # at run time an int is no float


@runtime_checkable
class HasStatistics(Protocol):
    """Name what is read: an intake, or whatever else answers `statistics()` as one does."""

    def statistics(self) -> Any: ...


@final
@dataclass(frozen=True, slots=True)
class Edge:
    """Tell that overload was entered or left (EDGE-1).

    kind: "entered" or "left". rejected: offers answered FULL since the episode began, up to this look; for "left" all of the
    episode's. Of an admission of the policies also those answered `Shed.LIMIT` and `Shed.CLASS`, and `classes` tells how many of
    the rejected were of each class. statistics: the reading that it was decided on.
    """

    kind: Literal["entered", "left"]
    rejected: int
    statistics: Statistics
    classes: Mapping[str, int] = field(default_factory=dict[str, int])


def checked_interval(interval_s: Seconds) -> Seconds:
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
        reading = source.statistics()
        self._state: tuple[int | None, int, Mapping[str, int]] = (None, _rejected(reading), _by_class(reading))

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
        full, classes = _rejected(reading), _by_class(reading)
        before, last, then = self._state  # then: by class, before the episode, or at the last look
        if full < last:  # a fork: the child's intake counts from 0, and what the parent saw is the parent's
            before, last, then = None, 0, dict[str, int]()
        edge: Edge | None = None
        if before is None:
            if full > last:
                before = last
                edge = Edge("entered", full - before, reading, _since(then, classes))
        elif full == last and reading.free:
            edge = Edge("left", full - before, reading, _since(then, classes))
            before = None
        self._state = (before, full, classes if before is None else then)
        return edge


def _rejected(reading: Any) -> int:
    """Count what was refused: FULL, and by an admission's own answers, which nothing else has."""
    return int(reading.full + getattr(reading, "shed_limit", 0) + getattr(reading, "shed_class", 0))


def _by_class(reading: Any) -> dict[str, int]:
    return {each.label: each.full + each.shed_limit + each.shed_class for each in getattr(reading, "classes", ())}


def _since(then: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return {label: number - then.get(label, 0) for label, number in now.items()}


def attempt(call: Callable[[], object]) -> None:
    """Make a call in a thread that must go on: an exception of whatever kind goes to `threading.excepthook`, and ends no more.

    What that hook, which is the host's too, raises goes to `sys.excepthook`, as it does in a thread of the host's own.
    """
    try:
        call()
    except BaseException:  # noqa: BLE001 - it ends no more than this call
        try:
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        except BaseException as error:  # noqa: BLE001 - nor does this
            sys.excepthook(type(error), error, error.__traceback__)


@final
class Watched:
    """Look in a thread of its own from `with` on, until that is left (EDGE-1). Made by `watched`."""

    __slots__ = ("__weakref__", "_made_with", "_over", "_thread")

    def __init__(self, source: HasStatistics, tell: Callable[[Edge], object], interval_s: Seconds) -> None:
        self._made_with: Final = source, tell, checked_interval(interval_s)
        self._over: Final = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> OverloadWatch:
        if self._thread is not None:
            raise RuntimeError("it watches already, or did: make another one")
        source, tell, interval_s = self._made_with
        watch, over, alive = OverloadWatch(source), self._over, weakref.ref(self)

        def look() -> None:
            if edge := watch.look():
                tell(edge)

        def work() -> None:
            while not over.wait(interval_s) and alive():  # dropped without having been left, it ends as well
                attempt(look)
            attempt(look)

        self._thread = threading.Thread(target=work, name="tidegate-edges", daemon=True)
        try:
            self._thread.start()
        except BaseException:
            over.set()  # it may have begun
            raise
        return watch

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        if self._thread is not None and not sys.is_finalizing():  # then there is no thread left to wait for
            self._thread.join()


def watched(source: HasStatistics, tell: Callable[[Edge], object], interval_s: Seconds = 1.0) -> Watched:
    """Look every `interval_s` seconds in a thread of its own, which calls `tell` with each edge (EDGE-1). To be used in a `with`.

    On the way out it looks once more, tells what it finds, and waits for the thread: as long as a `tell` in progress takes. An
    exception of `tell` goes to `threading.excepthook`, and the thread goes on: no later edge is lost. The thread is a daemon, and
    does not keep the interpreter from exiting. ValueError for an interval that is not above 0.
    """
    return Watched(source, tell, interval_s)
