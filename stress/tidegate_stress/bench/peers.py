"""The queues that are compared, as the calls that are timed."""

import importlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any, Final

from tidegate_specs.check import Subject

BASELINE: Final = "queue.Queue"
OURS: Final = "tidegate"
ITEM: Final = object()
ROUND: Final = "offer + take + release"
BY_WITH: Final = ROUND + ", by `with`"
clock = time.perf_counter_ns


# The timed loops. Each gives nanoseconds for one operation. All pay the same for the loop, they differ in what is called.


def call_loop(offer: Callable[[Any], object], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
    return (clock() - start) / n


def _refusal_loop(offer: Callable[[Any], object], refusal: type[Exception], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        try:  # noqa: SIM105 - a context manager would be timed as well
            offer(ITEM)
        except refusal:
            pass
    return (clock() - start) / n


def lease_loop(offer: Callable[[Any], object], take: Callable[[], Any], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
        take().release()
    return (clock() - start) / n


def _lease_item_loop(offer: Callable[[Any], object], take: Callable[[], Any], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
        lease = take()
        lease.item  # noqa: B018 - the reading is what is timed
        lease.release()
    return (clock() - start) / n


def _lease_with_loop(offer: Callable[[Any], object], take: Callable[[], Any], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
        with take():
            pass
    return (clock() - start) / n


def _done_loop(offer: Callable[[Any], object], take: Callable[[], Any], done: Callable[[], object], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
        take()
        done()
    return (clock() - start) / n


def _two_loop(offer: Callable[[Any], object], take: Callable[[], Any], n: int) -> float:
    start = clock()
    for _ in repeat(None, n):
        offer(ITEM)
        take()
    return (clock() - start) / n


@dataclass(frozen=True, slots=True)
class Calls:
    """Say how one subject is used: offer and tell whether the item got in, take one, finish it, and the timed loops."""

    offer: Callable[[Any], bool]
    take: Callable[[], Any]
    finish: Callable[[Any], object]
    accept: Callable[[int], float]
    reject: Callable[[int], float]
    rounds: dict[str, Callable[[int], float]]


Maker = Callable[[int], Calls]


def tidegate_calls(subject: Subject, capacity: int) -> Calls:
    intake = subject.Intake(capacity)
    accepted = subject.Outcome.ACCEPTED
    offer, take = intake.offer, intake.take
    return Calls(
        offer=lambda item: offer(item) is accepted,
        take=take,
        finish=lambda lease: lease.release(),
        accept=partial(call_loop, offer),
        reject=partial(call_loop, offer),
        rounds={
            ROUND: partial(lease_loop, offer, take),
            ROUND + ", reading .item": partial(_lease_item_loop, offer, take),
            BY_WITH: partial(_lease_with_loop, offer, take),
        },
    )


def _queue_calls(shape: Any) -> Calls:
    """Use anything shaped like `queue.Queue`."""
    offer, take, done = shape.put_nowait, shape.get, shape.task_done

    def try_offer(item: Any) -> bool:
        try:
            offer(item)
        except queue.Full:
            return False
        return True

    return Calls(
        offer=try_offer,
        take=take,
        finish=lambda _item: done(),
        accept=partial(call_loop, offer),
        reject=partial(_refusal_loop, offer, queue.Full),
        rounds={ROUND: partial(_done_loop, offer, take, done)},
    )


def _stdlib_maker() -> Maker:
    return lambda capacity: _queue_calls(queue.Queue[Any](capacity))


def _culsans_maker() -> Maker:
    culsans: Any = importlib.import_module("culsans")
    return lambda capacity: _queue_calls(culsans.Queue(capacity).sync_q)


def _janus_maker() -> Maker:
    """Use the synchronous side. A loop is bound by the first asynchronous call, and there is none; so nobody is to be notified."""
    janus: Any = importlib.import_module("janus")
    return lambda capacity: _queue_calls(janus.Queue(capacity).sync_q)


def _aiologic_maker() -> Maker:
    """Use the queue's calls for threads. It has no notion of finished work: a round is two calls, not three."""
    aiologic: Any = importlib.import_module("aiologic")

    def make(capacity: int) -> Calls:
        shape = aiologic.Queue(capacity)
        offer, take, full = partial(shape.green_put, blocking=False), shape.green_get, aiologic.QueueFull

        def try_offer(item: Any) -> bool:
            try:
                offer(item)
            except full:
                return False
            return True

        return Calls(
            offer=try_offer,
            take=take,
            finish=lambda _item: None,
            accept=partial(call_loop, offer),
            reject=partial(_refusal_loop, offer, full),
            rounds={ROUND: partial(_two_loop, offer, take)},
        )

    return make


class LockedRing:
    """Keep a bounded FIFO under one lock, as a control: the least that Python code can do with a lock. It does not wait."""

    __slots__ = ("_capacity", "_head", "_held", "_items", "_lock", "_tail")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: list[Any] = [None] * capacity
        self._head = self._tail = self._held = 0
        self._lock = threading.Lock()

    def offer(self, item: Any) -> bool:
        """Answer False when full."""
        with self._lock:
            if self._held == self._capacity:
                return False
            self._items[self._tail] = item
            self._tail = (self._tail + 1) % self._capacity
            self._held += 1
            return True

    def take(self) -> Any:
        """Take the oldest item; it keeps its place until `finish`. There must be one."""
        with self._lock:
            item = self._items[self._head]
            self._items[self._head] = None
            self._head = (self._head + 1) % self._capacity
            return item

    def finish(self) -> None:
        """Free one place."""
        with self._lock:
            self._held -= 1


def _ring_maker() -> Maker:
    def make(capacity: int) -> Calls:
        ring = LockedRing(capacity)
        return Calls(
            offer=ring.offer,
            take=ring.take,
            finish=lambda _item: ring.finish(),
            accept=partial(call_loop, ring.offer),
            reject=partial(call_loop, ring.offer),
            rounds={ROUND: partial(_done_loop, ring.offer, ring.take, ring.finish)},
        )

    return make


PEERS: Final[dict[str, Callable[[], Maker]]] = {
    BASELINE: _stdlib_maker,
    "aiologic": _aiologic_maker,
    "culsans": _culsans_maker,
    "janus": _janus_maker,
    "ring": _ring_maker,
}
WAITING_PEERS: Final = (BASELINE, "aiologic", "culsans", "janus")  # those whose workers can wait for an item
