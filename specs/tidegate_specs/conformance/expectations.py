"""What is known to be broken in each peer, why in a sentence that is fair to it, and where that is written.

None of this is a defect of the peer's by its own documentation, unless the sentence says so: it is what the contract of a bounded
intake asks, and that peer does not promise. What shows each in plain Python is in `witnesses`.
"""

from collections.abc import Mapping
from typing import Final

from .adapter import Expected

_QUEUE: Final = "https://docs.python.org/3/library/queue.html"
_COLLECTIONS: Final = "https://docs.python.org/3/library/collections.html#collections.deque"
_ASYNCIO: Final = "https://docs.python.org/3/library/asyncio-queue.html"
_OUT_OF_THIN_AIR: Final = "https://docs.python.org/3/library/signal.html#note-on-signal-handlers-and-exceptions"
_LOCKS_IN_HANDLERS: Final = "https://docs.python.org/3/library/signal.html#signals-and-threads"
_WITH_LOCK: Final = "https://github.com/python/cpython/issues/74174"
_SENTRY: Final = "https://github.com/getsentry/sentry-python/issues/803"
_JANUS: Final = "https://github.com/aio-libs/janus"
_CULSANS: Final = "https://github.com/x42005e1f/culsans"
_AIOLOGIC: Final = "https://github.com/x42005e1f/aiologic/releases/tag/0.7.0"


def _behind_a_lock(link: str) -> dict[str, Expected]:
    """Expect a `threading.Condition` on a lock around each operation, entered with a `with` statement."""
    return {
        "NOWAIT-2": Expected(
            "every operation takes one lock, so a thread that is stopped with it keeps put_nowait waiting; it promises not to wait "
            "for a slot, not for the lock",
            link,
        ),
        "REENTRY-1": Expected(
            "its lock is not re-entrant, so a put from a signal handler or finaliser that interrupts an operation waits for ever; "
            "the documentation of queue names SimpleQueue for that",
            _QUEUE,
        ),
        "BOUND-2": Expected(
            "an exception that arrives between taking the lock and the body of the with statement, or before the lock is given "
            "back, leaves the queue locked, and with it every slot; nothing else is promised of code that a signal handler raises "
            "in",
            _WITH_LOCK,
            ("exception",),
        ),
    } | _loses_what_get_took()


def _loses_what_get_took() -> dict[str, Expected]:
    reason = "an exception that arrives after get has taken an item out, and before it has returned it, loses the item"
    return {
        "LOCAL-1": Expected(reason, _OUT_OF_THIN_AIR, ("exception",)),
        "INTERRUPT-1": Expected(
            f"{reason}; the documentation of signal says that most code, the standard library's too, can't be made robust "
            "against that",
            _OUT_OF_THIN_AIR,
        ),
    }


QUEUE_QUEUE: Final[Mapping[str, Expected]] = _behind_a_lock(_QUEUE)

QUEUE_SIMPLE_QUEUE: Final[Mapping[str, Expected]] = {
    "BOUND-1": Expected("it has no bound, and is documented so; the capacity has nowhere to go", _QUEUE, ("calls", "race")),
}

DEQUE_MAXLEN: Final[Mapping[str, Expected]] = {
    "LOCAL-1": Expected("when full, append throws out the oldest item, and is documented so", _COLLECTIONS, ("calls", "race")),
}

ASYNCIO_QUEUE: Final[Mapping[str, Expected]] = _loses_what_get_took()

JANUS: Final[Mapping[str, Expected]] = _behind_a_lock(_JANUS)

CULSANS: Final[Mapping[str, Expected]] = _loses_what_get_took() | {
    "NOWAIT-2": Expected(
        "every operation takes one lock, so a thread that is stopped with it keeps put_nowait waiting; it promises not to wait "
        "for a slot, not for the lock",
        _CULSANS,
    ),
    "BOUND-1": Expected(
        "its lock is re-entrant and its size is counted apart from its items, so a put from a signal handler inside a put, or "
        "an exception between the two, lets in more than maxsize",
        _CULSANS,
        ("handler", "exception"),
    ),
    "BOUND-2": Expected(
        "its size is counted apart from its items, so an exception that arrives between the two loses or mints a slot",
        _OUT_OF_THIN_AIR,
        ("exception",),
    ),
    "REENTRY-1": Expected(
        "its lock is re-entrant, so a put from a signal handler inside a put does not wait, but both find the last slot free; "
        "Python warns against such locks in handlers",
        _LOCKS_IN_HANDLERS,
    ),
}

AIOLOGIC: Final[Mapping[str, Expected]] = {
    "EXACT-1": Expected(
        "one token is its implicit lock, and a put that may not wait raises QueueFull when another operation has the token, "
        "although there is room",
        _AIOLOGIC,
        ("race", "stop", "handler"),
    ),
    "REENTRY-1": Expected(
        "a put from a signal handler inside another operation raises QueueFull although there is room, as that operation has the "
        "token",
        _AIOLOGIC,
    ),
    "BOUND-2": Expected(
        "an exception that arrives right after an operation has taken the token, or before it gives it back, loses the token: the "
        "queue is full and empty for good",
        _OUT_OF_THIN_AIR,
        ("exception",),
    ),
    "LOCAL-1": Expected(
        "an exception that arrives in get after the item was taken out loses it, and one that loses the token keeps the others in "
        "for good",
        _OUT_OF_THIN_AIR,
        ("exception",),
    ),
    "INTERRUPT-1": Expected(
        "an exception that arrives at the wrong moment loses the token of the queue, or an item; nothing else is promised of code "
        "that a signal handler raises in",
        _OUT_OF_THIN_AIR,
    ),
}

SEMAPHORE_EXECUTOR: Final[Mapping[str, Expected]] = {
    "NOWAIT-2": Expected(
        "submit takes a lock of its executor and one of all executors, and both semaphores one of their own, so a thread that is "
        "stopped with one keeps the next submit waiting",
        _LOCKS_IN_HANDLERS,
    ),
    "REENTRY-1": Expected(
        "those locks are not re-entrant, so a submit from a signal handler or finaliser inside another waits for ever; Python "
        "warns against locks in handlers",
        _LOCKS_IN_HANDLERS,
    ),
    "BOUND-2": Expected(
        "an exception that arrives after the semaphore was acquired, and before the recipe can know, loses the slot",
        _OUT_OF_THIN_AIR,
        ("exception",),
    ),
    "INTERRUPT-1": Expected(
        "an exception that arrives after the semaphore was acquired, and before the recipe can know, loses the slot; so does one "
        "before the callback that releases it is added",
        _OUT_OF_THIN_AIR,
    ),
}
