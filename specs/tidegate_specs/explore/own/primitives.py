"""What stands in for whatever waits or tells the time: few classes of our own, on which CPython's own source of the rest runs.

`Lock`, `RLock`, `Thread`, `local`, `SimpleQueue`, `sleep` and the clocks are simulated here. Condition, Semaphore, Event, Timer,
BoundedSemaphore, Barrier, the other queues, Future and ThreadPoolExecutor are CPython's own code (`world`), rewritten like a
program's and put on these: they behave as that version's do, because they are that version's.
"""

import _thread
import collections
import threading
import time
import types
from collections.abc import Callable, Iterable, Mapping
from queue import Empty
from typing import Any, ClassVar, Final

from .engine import CLOCK, Engine, Task
from .labels import READ_ALL

FIRST_IDENT: Final = 1001
EPOCH_S: Final = 1_700_000_000.0


class Lock:
    """`threading.Lock`."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        self._held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        label = ((id(self), None, True),)
        if not blocking or timeout == 0:
            self.engine.point(label)
            if self._held:
                self.engine.note_shut()
                return False
        elif not self.engine.point(label, self._free, None if timeout < 0 else timeout, "a lock"):
            return False
        self._held = True
        return True

    def _free(self) -> bool:
        return not self._held

    def release(self) -> None:
        self.engine.point(((id(self), None, True),))
        if not self._held:
            raise RuntimeError("release unlocked lock")
        self.engine.note_shut()
        self._held = False

    def locked(self) -> bool:
        self.engine.point(((id(self), None, False),))
        return self._held

    def _is_owned(self) -> bool:
        return self._held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self.release()


class RLock(Lock):
    """`threading.RLock`. Only a thread itself makes itself the owner, so what it reads of that is no race."""

    def __init__(self) -> None:
        super().__init__()
        self._owner: Task | None = None
        self._depth = 0

    def _me(self) -> Task | None:
        return self.engine.tasks[self.engine.current] if self.engine.running else None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._depth and self._owner is self._me():
            self._depth += 1
            return True
        if not super().acquire(blocking, timeout):
            return False
        self._owner, self._depth = self._me(), 1
        return True

    def release(self) -> None:
        if not self._depth or self._owner is not self._me():
            raise RuntimeError("cannot release un-acquired lock")
        if self._depth > 1:
            self._depth -= 1
            return
        self.engine.point(((id(self), None, True),))
        self.engine.note_shut()
        self._depth, self._owner, self._held = 0, None, False

    def _is_owned(self) -> bool:
        return self._depth > 0 and self._owner is self._me()

    def _recursion_count(self) -> int:
        return self._depth if self._is_owned() else 0

    def _release_save(self) -> int:
        if not self._is_owned():
            raise RuntimeError("cannot release un-acquired lock")
        depth, self._depth = self._depth, 1
        self.release()
        return depth

    def _acquire_restore(self, depth: int) -> None:
        self.acquire()
        self._depth = depth


class Thread:
    """`threading.Thread`."""

    engine: ClassVar[Engine]

    def __init__(
        self,
        group: None = None,
        target: Callable[..., object] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
        context: Any = None,
    ) -> None:
        self._target, self._args, self._kwargs = target, tuple(args), dict(kwargs or {})
        self._name, self._context = name or "", context
        self._task: Task | None = None
        engine = self.engine
        inherited = engine.running and engine.tasks[engine.current].daemon
        self._daemonic = inherited if daemon is None else daemon

    def run(self) -> None:
        if self._target is not None:
            self._target(*self._args, **self._kwargs)

    def _bootstrap(self) -> None:
        if self._context is not None:
            self._context.run(self.run)
        else:
            self.run()

    def start(self) -> None:
        if not hasattr(self, "_target"):
            raise RuntimeError("thread.__init__() not called")
        self.engine.point(((id(self), None, True),))
        self.engine.note_shut()
        if self._task is not None:
            raise RuntimeError("threads can only be started once")
        self._name = self._name or f"Thread-{len(self.engine.tasks)}"
        self._task = self.engine.start(self._bootstrap, self._name, self._daemonic, self)
        self._task.background = getattr(self._target, "__module__", "") == "concurrent.futures.thread"

    def join(self, timeout: float | None = None) -> None:
        if self._task is None:
            raise RuntimeError("cannot join thread before it is started")
        if self._task is self.engine.tasks[self.engine.current]:
            raise RuntimeError("cannot join current thread")
        self.engine.point(((id(self), None, False),), self._ended, timeout, f"the end of {self._name}")

    def _ended(self) -> bool:
        return self._task is not None and self._task.done

    def is_alive(self) -> bool:
        self.engine.point(((id(self), None, False),))
        return self._task is not None and not self._task.done

    @property
    def name(self) -> str:
        return self._name or "Thread-?"

    @name.setter
    def name(self, name: str) -> None:
        self._name = name

    @property
    def ident(self) -> int | None:
        return None if self._task is None else FIRST_IDENT + self._task.index

    native_id = ident

    @property
    def daemon(self) -> bool:
        return self._daemonic

    @daemon.setter
    def daemon(self, daemonic: bool) -> None:
        if self._task is not None:
            raise RuntimeError("cannot set daemon status of active thread")
        self._daemonic = daemonic


class local:  # noqa: N801 (the name in `threading`)
    """`threading.local`."""

    engine: ClassVar[Engine]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        object.__setattr__(made, "_made_with", (args, kwargs))
        object.__setattr__(made, "_values", {})
        return made

    def _mine(self) -> dict[str, Any]:
        engine: Engine = type(self).engine
        values: dict[Any, dict[str, Any]] = object.__getattribute__(self, "_values")
        key = (engine.number, engine.current)
        if key not in values:
            values[key] = {}
            if values.keys() - {key}:  # the thread that made it has had its `__init__` run by the call
                args, kwargs = object.__getattribute__(self, "_made_with")
                type(self).__init__(self, *args, **kwargs)
        return values[key]

    def __getattribute__(self, name: str) -> Any:
        mine: dict[str, Any] = local._mine(self)
        if name == "__dict__":
            return mine
        return mine[name] if name in mine else object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        local._mine(self)[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del local._mine(self)[name]
        except KeyError:
            raise AttributeError(name) from None


class SimpleQueue:
    """`queue.SimpleQueue`."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        self._items: collections.deque[Any] = collections.deque()

    def _touch(self, write: bool) -> None:
        self.engine.point(((id(self), None, write),))

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._touch(True)
        if not self._items:
            self.engine.note_shut()
        self._items.append(item)

    def put_nowait(self, item: Any) -> None:
        self.put(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if block and timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        if not block:
            self._touch(True)
        elif not self.engine.point(((id(self), None, True),), self._filled, timeout, "an item"):
            raise Empty
        if not self._items:
            raise Empty
        return self._items.popleft()

    def get_nowait(self) -> Any:
        return self.get(False)

    def _filled(self) -> bool:
        return bool(self._items)

    def empty(self) -> bool:
        self._touch(False)
        return not self._items

    __class_getitem__: ClassVar[Any] = classmethod(types.GenericAlias)  # pyright: ignore[reportUnknownVariableType]

    def qsize(self) -> int:
        self._touch(False)
        return len(self._items)


class Clocks:
    """The functions of `time`, on the clock that all threads of a program share."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def monotonic(self) -> float:
        self.engine.point(((CLOCK, None, False),))
        return self.engine.now_s

    def time(self) -> float:
        return EPOCH_S + self.monotonic()

    def monotonic_ns(self) -> int:
        return round(self.monotonic() * 1e9)

    def time_ns(self) -> int:
        return round(self.time() * 1e9)

    def sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        if self.engine.many:
            self.engine.point(((CLOCK, None, True),), _never, seconds, "time to pass")
        else:
            self.engine.now_s += seconds


def _never() -> bool:
    return False


class Main:
    """Give what `threading` tells of the running threads."""

    def __init__(self, engine: Engine, kind: type[Thread]) -> None:
        self.engine, self.kind = engine, kind
        self.threads: dict[int, Thread] = {}  # by task: those that no `Thread` was made for

    def current_thread(self) -> Any:
        task = self.engine.tasks[self.engine.current]
        return self._of(task)

    def _of(self, task: Task) -> Any:
        if isinstance(task.token, Thread):
            return task.token
        if getattr(self.threads.get(task.index), "_task", None) is not task:
            made = self.kind(name="MainThread" if not task.index else task.name)
            made._task = task  # pyright: ignore[reportPrivateUsage]
            self.threads[task.index] = made
        return self.threads[task.index]

    def main_thread(self) -> Any:
        return self._of(self.engine.tasks[0])

    def get_ident(self) -> int:
        return FIRST_IDENT + self.engine.current

    def enumerate(self) -> list[Any]:
        self.engine.point(READ_ALL)
        return [self._of(task) for task in self.engine.tasks if not task.done]

    def active_count(self) -> int:
        return len(self.enumerate())


class Nothing:
    """Stand in for the tables and the log of the executor, which only matter when the interpreter ends or something is wrong."""

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def critical(self, *arguments: object, **keywords: object) -> None:
        pass

    exception = critical


def primitives(engine: Engine) -> dict[str, Any]:
    """Make the simulated names of `threading` for one program, and `SimpleQueue`."""
    made: dict[str, Any] = {
        kind.__name__: type(kind.__name__, (kind,), {"engine": engine, "__module__": __name__})
        for kind in (Lock, RLock, Thread, local, SimpleQueue)
    }
    main = Main(engine, made["Thread"])
    names = ("current_thread", "main_thread", "get_ident", "enumerate", "active_count")
    made |= {name: getattr(main, name) for name in names}
    made |= {"get_native_id": main.get_ident, "_register_atexit": _nothing, "currentThread": main.current_thread}
    made |= {name: getattr(threading, name) for name in ("TIMEOUT_MAX", "ThreadError", "ExceptHookArgs", "excepthook")}
    return made


def clocks(engine: Engine) -> dict[str, Any]:
    """Make the simulated names of `time` for one program."""
    made = Clocks(engine)
    simulated = {name: getattr(made, name) for name in ("monotonic", "time", "monotonic_ns", "time_ns", "sleep")}
    simulated |= {"perf_counter": made.monotonic, "perf_counter_ns": made.monotonic_ns}
    return {**vars(time), **simulated}


def _nothing(*arguments: Any, **keywords: Any) -> None:
    """Stand in for what is done when the interpreter ends."""


def low_level(names: Mapping[str, Any]) -> types.ModuleType:
    """Make what stands in for `_thread`."""
    made = types.ModuleType("_thread")
    vars(made).update(allocate_lock=names["Lock"], LockType=names["Lock"], RLock=names["RLock"], get_ident=names["get_ident"])
    vars(made).update(error=_thread.error, TIMEOUT_MAX=threading.TIMEOUT_MAX, _local=names["local"])
    return made
