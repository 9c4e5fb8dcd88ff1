"""What stands in for waiting in the subject's modules, so that a wait is a choice of the scheduler."""

import threading
import time
import types
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final

from ..stand_ins import TimeIsOver
from .labels import HARMLESS, Sharing
from .scheduler import ACTIVE, Scheduler

# What stands in for waiting in the subject's modules.


def _scheduler() -> Scheduler | None:
    return ACTIVE[-1] if ACTIVE and ACTIVE[-1].current >= 0 else None


class SimulatedQueue(SimpleQueue[Any]):
    """The C `SimpleQueue`, but for the wait."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if timeout is not None and block and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        if block and self.empty() and timeout != 0:
            scheduler = _scheduler()
            if scheduler is None or not scheduler.park(self._filled, timeout, "an item", self):
                raise TimeIsOver
        try:
            return super().get(False)
        except Empty:
            raise TimeIsOver from None

    def _filled(self) -> bool:
        return not self.empty()


class SimulatedLock:
    """A lock, as `threading.Lock`."""

    def __init__(self) -> None:
        self._held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._held:
            scheduler = _scheduler()
            if not blocking or timeout == 0 or scheduler is None:
                return False
            if not scheduler.park(self._free, timeout if timeout > 0 else None, "a lock", self):
                return False
        self._held = True
        return True

    def _free(self) -> bool:
        return not self._held

    def release(self) -> None:
        if not self._held:
            raise RuntimeError("release unlocked lock")
        self._held = False

    def locked(self) -> bool:
        return self._held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self.release()


class SimulatedRLock(SimulatedLock):
    """A re-entrant lock, as `threading.RLock`."""

    def __init__(self) -> None:
        super().__init__()
        self._owner, self._depth = -2, 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        scheduler = _scheduler()
        me = scheduler.current if scheduler is not None else -1
        if self._owner != me and not super().acquire(blocking, timeout):
            return False
        self._owner, self._depth = me, self._depth + 1
        return True

    def release(self) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = -2
            super().release()


class SimulatedCondition(Sharing):
    """A condition variable, as `threading.Condition`. Others may have the same lock."""

    def __init__(self, lock: Any = None) -> None:
        self._lock = self.shared = SimulatedRLock() if lock is None else lock
        self.acquire, self.release = self._lock.acquire, self._lock.release
        self._waiters: list[list[bool]] = []

    def __enter__(self) -> Any:
        return self._lock.__enter__()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.__exit__(*exc_info)

    def wait(self, timeout: float | None = None) -> bool:
        scheduler = _scheduler()
        if scheduler is None:
            return False
        told = [False]
        self._waiters.append(told)
        self.release()
        try:
            return scheduler.park(lambda: told[0], timeout, "a notification", self)
        finally:
            if told in self._waiters:
                self._waiters.remove(told)
            self.acquire()

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        while not (result := predicate()):
            if not self.wait(timeout):
                return predicate()
        return result

    def notify(self, n: int = 1) -> None:
        for told in self._waiters[:n]:
            told[0] = True
        del self._waiters[:n]

    def notify_all(self) -> None:
        self.notify(len(self._waiters))


def simulated_monotonic() -> float:
    """Tell the running thread's own time."""
    scheduler = _scheduler()
    return 0.0 if scheduler is None else scheduler.now[scheduler.current]


def simulated_yield(seconds: float = 0.0) -> None:
    """Do nothing: giving up the processor and sleeping are the scheduler's choice, and it has them at every point."""


HARMLESS.update((simulated_monotonic, simulated_yield))

_REAL: Final[tuple[tuple[Any, Any], ...]] = (
    (SimpleQueue, SimulatedQueue),
    (threading.Lock, SimulatedLock),
    (threading.RLock, SimulatedRLock),
    (threading.Condition, SimulatedCondition),
    (time.monotonic, simulated_monotonic),
    (time.time, simulated_monotonic),
    (time.perf_counter, simulated_monotonic),
    (time.sleep, simulated_yield),
)


def _stand_in(value: Any) -> Any:
    """Give what replaces a value of a subject's module, or the value."""
    for real, simulated in _REAL:
        if value is real:
            return simulated
    if getattr(value, "__name__", "") == "sched_yield":
        return simulated_yield
    if value in (threading, time) and isinstance(value, types.ModuleType):
        return types.SimpleNamespace(**{name: _stand_in(member) for name, member in vars(value).items()})
    return value


@contextmanager
def substituted(modules: Iterable[types.ModuleType]) -> Generator[None, None, None]:
    """Replace, in these modules, whatever waits or tells the time. Objects made inside are the simulated ones."""
    replaced: list[tuple[types.ModuleType, str, Any]] = []
    try:
        for module in modules:
            for name, value in list(vars(module).items()):
                if isinstance(value, (type, types.ModuleType, types.BuiltinFunctionType, types.FunctionType)) or callable(value):
                    stand_in = _stand_in(value)
                    if stand_in is not value:
                        replaced.append((module, name, value))
                        setattr(module, name, stand_in)
        yield
    finally:
        for module, name, value in replaced:
            setattr(module, name, value)
