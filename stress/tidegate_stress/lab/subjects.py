"""The queues that the laboratory puts under load, each behind a small adapter: how to offer, to take, and to finish.

An adapter adds as little as it can: `offer` is the queue's own bound method wherever that is how people call it, and an answer is
compared by identity or comes as an exception, so that what is timed is the queue.
"""

import importlib
import importlib.metadata
import queue
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from tidegate_specs.check import Subject, names_lacking
from tidegate_specs.mutants import Patch
from tidegate_specs.mutation.patching import load_patched, subject_from

from .case import OURS

Serve = Callable[[Any], None]
POLL_S: Final = 0.001


class NeverRaised(Exception):
    """Stand for the refusal of a queue that refuses by a value, or never."""


@dataclass(frozen=True, slots=True)
class Door:
    """Say how one queue is used.

    offer: called with an item. accepted: what it answers, by identity, when the item is in; any other answer is a refusal.
    refusal: the exception that is one too. take: called with a time-out in seconds, gives an entry or raises `empty`; None where
    the queue has workers of its own, who call what `open_door` was given. serve: hand the entry's item to a function, and finish
    the entry as one does who uses this queue. statistics: exact counts of the queue's own, where it keeps any. bounded: whether
    it has a bound and keeps everything that it lets in. shut: end what it runs itself.
    """

    offer: Callable[[Any], object]
    accepted: object
    refusal: type[Exception] = NeverRaised
    take: Callable[[float], Any] | None = None
    empty: type[Exception] = queue.Empty
    serve: Callable[[Any, Serve], None] = lambda entry, serve: serve(entry)
    statistics: Callable[[], Any] | None = None
    bounded: bool = True
    shut: Callable[[], object] = field(default=lambda: None)


Maker = Callable[[int, int, Serve], Door]  # from the capacity, the number of workers, and what own workers call


def _intake_door(spec: str) -> Maker:
    kind, _, every = spec.partition(":")
    subject = _yielding(int(every)) if kind == "yield" else subject_from(spec)
    if lacking := names_lacking(subject):
        raise ImportError(f"{spec} has no {', '.join(lacking)}")

    def serve(lease: Any, handle: Serve) -> None:
        with lease as item:
            handle(item)

    def make(capacity: int, _workers: int, _serve: Serve) -> Door:
        intake = subject.Intake(capacity)
        return Door(
            offer=intake.offer,
            accepted=subject.Outcome.ACCEPTED,
            take=intake.take,
            empty=subject.Empty,
            serve=serve,
            statistics=intake.statistics,
        )

    return make


def _yielding(every: int) -> Subject:
    """Load the kernel with another rhythm of yielding the processor: on every n-th rejection, or never for 0."""
    never = Patch("_intake.py", "if not rejections % YIELD_EVERY:", "if False:")
    rhythm = Patch("_intake.py", "YIELD_EVERY: Final = 24", f"YIELD_EVERY: Final = {every}")
    return load_patched((rhythm if every else never,), f"yield_{every}")


def _shaped_like_queue(make_queue: Callable[[int], Any], offer: str = "put_nowait") -> Maker:
    def make(capacity: int, _workers: int, _serve: Serve) -> Door:
        made = make_queue(capacity)

        def serve(item: Any, handle: Serve) -> None:
            try:
                handle(item)
            finally:
                made.task_done()

        return Door(
            offer=getattr(made, offer),
            accepted=None,
            refusal=queue.Full,
            take=lambda timeout: made.get(timeout=timeout),
            serve=serve,
        )

    return make


def _unbounded(make_queue: Callable[[], Any]) -> Maker:
    def make(_capacity: int, _workers: int, _serve: Serve) -> Door:
        made = make_queue()
        return Door(offer=made.put, accepted=None, take=lambda timeout: made.get(timeout=timeout), bounded=False)

    return make


def _deque() -> Maker:
    def make(capacity: int, _workers: int, _serve: Serve) -> Door:
        made: deque[Any] = deque(maxlen=capacity)

        def take(timeout: float) -> Any:
            deadline_s = time.monotonic() + timeout
            while True:
                try:
                    return made.popleft()
                except IndexError:
                    if time.monotonic() >= deadline_s:
                        raise
                    time.sleep(POLL_S)  # it has nothing to wait on

        return Door(offer=made.append, accepted=None, take=take, empty=IndexError, bounded=False)

    return make


def _pool() -> Maker:
    def make(_capacity: int, workers: int, serve: Serve) -> Door:
        executor = ThreadPoolExecutor(workers)
        submit = executor.submit

        def offer(item: Any) -> None:
            submit(serve, item)

        return Door(offer=offer, accepted=None, bounded=False, shut=lambda: executor.shutdown(wait=False, cancel_futures=True))

    return make


def _aiologic() -> Maker:
    library: Any = importlib.import_module("aiologic")

    def make(capacity: int, _workers: int, _serve: Serve) -> Door:
        made = library.Queue(capacity)
        return Door(
            offer=partial(made.green_put, blocking=False),
            accepted=None,
            refusal=library.QueueFull,
            take=lambda timeout: made.green_get(timeout=timeout),
            empty=library.QueueEmpty,
        )

    return make


def _two_sided(name: str) -> Maker:
    library: Any = importlib.import_module(name)
    return _shaped_like_queue(lambda capacity: library.Queue(capacity).sync_q)


NOWAIT: Final = "queue.Queue put_nowait"
UNBOUNDED: Final = "queue.Queue unbounded"
SUBJECTS: Final[Mapping[str, Callable[[], Maker]]] = {
    OURS: partial(_intake_door, OURS),
    NOWAIT: lambda: _shaped_like_queue(queue.Queue),
    "queue.Queue put (blocking)": lambda: _shaped_like_queue(queue.Queue, "put"),
    UNBOUNDED: lambda: _unbounded(queue.Queue),
    "queue.SimpleQueue": lambda: _unbounded(queue.SimpleQueue),
    "collections.deque(maxlen)": _deque,
    "ThreadPoolExecutor": _pool,
    "aiologic": _aiologic,
    "culsans": partial(_two_sided, "culsans"),
    "janus": partial(_two_sided, "janus"),
}
PEERS: Final = tuple(name for name in SUBJECTS if name != OURS)


def maker_of(name: str) -> Maker:
    """Give what makes the doors of a subject: a name of `SUBJECTS`, the kernel changed ("mutant:NAME", "yield:N"), or a module.

    "yield:N" gives up the processor on every N-th rejection, or never for 0. A module must have the kernel's public names.
    Raises ImportError where it is not installed, or lacks them.
    """
    return SUBJECTS[name]() if name in SUBJECTS else _intake_door(name)


def version_of(name: str) -> str:
    """Give the version of a subject that is a distribution of its own, and nothing for the others."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
