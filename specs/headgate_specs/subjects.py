"""Give other queues the verbs of an intake, so that the checks made for the intake run on them too, as controls.

A control has faults that are known. A check that finds none there has stopped looking, and what it says about the kernel is worth
nothing. `queue.Queue` is always there; the others are where they are installed.

A queue's bound is on what is queued, not on what is unfinished, so a lease here holds no slot; releasing it is `task_done`.
"""

import importlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final, final

from .check import Subject
from .injection import Injector

PEERS: Final = ("aiologic", "culsans", "janus")
EVERY_VERB: Final = frozenset({"offer", "take", "release", "drop", "close", "drain", "statistics", "item"})
QUEUE_VERBS: Final = frozenset({"offer", "take", "release"})


@final
class ControlOutcome:
    """Name the answers of a control, as the kernel's `Outcome` does."""

    ACCEPTED: Final = "accepted"
    FULL: Final = "full"
    CLOSED: Final = "closed"


class ControlEmpty(Exception):
    """Raised by a control's `take` when nothing was there."""


class ControlClosed(Exception):
    """Stand where the kernel's `Closed` does; no control here is ever closed."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Name the calls of one queue object that stand for our verbs, and the exceptions that are answers."""

    offer: Callable[[Any], object]
    take: Callable[[], Any]
    task_done: Callable[[], object]
    unfinished: Callable[[], int]
    full: type[Exception]
    empty: type[Exception]


@final
class ControlLease:
    """Hold what was taken until `release`, which tells the queue that the task is done, once."""

    __slots__ = ("_open", "_task_done", "item")

    def __init__(self, item: Any, task_done: Callable[[], object]) -> None:
        self.item: Final = item
        self._open = [None]
        self._task_done = task_done

    def release(self) -> bool:
        if not self._open:
            return False
        self._open.pop()
        self._task_done()
        return True


@final
class ControlIntake:
    """Offer to and take from somebody else's queue. `take` never waits here."""

    __slots__ = ("_calls", "capacity")

    def __init__(self, capacity: int, calls: Calls) -> None:
        self.capacity: Final = capacity
        self._calls = calls

    def offer(self, item: Any) -> str:
        try:
            self._calls.offer(item)
        except self._calls.full:
            return ControlOutcome.FULL
        return ControlOutcome.ACCEPTED

    def take(self, timeout: float = 0) -> ControlLease:
        if timeout != 0:
            raise ValueError("a control's take never waits")
        try:
            item = self._calls.take()
        except self._calls.empty:
            raise ControlEmpty from None
        return ControlLease(item, self._calls.task_done)

    def unfinished(self) -> int:
        """Count what was accepted and not released, as the queue itself tells."""
        return self._calls.unfinished()


@final
@dataclass(frozen=True)
class Control:
    """Stand for an implementation under check: somebody else's queue, and the classes whose bytecode is swept."""

    name: str
    version: str
    connect: Callable[[int], Calls]
    swept: tuple[type[Any], ...]
    Outcome: Any = ControlOutcome
    Empty: type[Exception] = ControlEmpty
    Closed: type[Exception] = ControlClosed
    verbs: frozenset[str] = QUEUE_VERBS

    def Intake(self, capacity: int) -> ControlIntake:  # noqa: N802 - named as the kernel's class is
        return ControlIntake(capacity, self.connect(capacity))


def verbs_of(subject: Subject) -> frozenset[str]:
    """Name what an implementation can do: all of the intake's verbs, unless it says otherwise."""
    return getattr(subject, "verbs", EVERY_VERB)


def injector_for(subject: Subject) -> Injector:
    """Make the injector that steps through an implementation's own bytecode."""
    if not isinstance(subject, Control):
        return Injector(subject)
    bases = [base for owner in subject.swept for base in owner.__mro__]
    injector = Injector(type("Swept", (), {f"base_{number}": base for number, base in enumerate(bases)}))
    functions = [member for base in bases for member in vars(base).values() if isinstance(member, FunctionType)]
    files = {function.__code__.co_filename for function in functions}
    injector.files = tuple(sorted(file for file in files if not file.startswith("<")))
    return injector


def stdlib_control() -> Control:
    """Make the control that is always there. Its locks' Python code, `threading.Condition`, is swept with it."""

    def connect(capacity: int) -> Calls:
        made: queue.Queue[Any] = queue.Queue(capacity)
        return Calls(made.put_nowait, made.get_nowait, made.task_done, lambda: made.unfinished_tasks, queue.Full, queue.Empty)

    return Control("queue.Queue", "", connect, (queue.Queue, threading.Condition))


def _sync_side(made: Any) -> Calls:
    side = made.sync_q
    return Calls(side.put_nowait, side.get_nowait, side.task_done, lambda: int(side.unfinished_tasks), queue.Full, queue.Empty)


def peer_control(name: str) -> Control | None:
    """Make the control of another project's queue, or give None where it is not installed."""
    try:
        module: Any = importlib.import_module(name)
    except ImportError:
        return None
    version = str(getattr(module, "__version__", ""))
    if name != "aiologic":
        swept: tuple[type[Any], ...] = (module.Queue, module.Queue(1).sync_q.__class__)
        return Control(name, version, lambda capacity: _sync_side(module.Queue(capacity)), swept)

    def connect(capacity: int) -> Calls:
        made = module.Queue(capacity)
        return Calls(
            offer=lambda item: made.green_put(item, blocking=False),
            take=lambda: made.green_get(blocking=False),
            task_done=lambda: None,
            unfinished=lambda: 0,  # it counts no tasks
            full=module.QueueFull,
            empty=module.QueueEmpty,
        )

    return Control(name, version, connect, (module.Queue,))
