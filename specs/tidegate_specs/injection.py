"""Run a call with a hook before every bytecode of the implementation under check.

An exception raised in the hook is one that arrived asynchronously at that bytecode; a call made in it is a signal handler's or a
finaliser's; a wait in it freezes the thread there. So "at every bytecode" is a plain loop over the position, with no timing in it.

    with Injector(subject) as injector:
        injector.run(lambda: intake.offer("item"), hook)     # hook(position, code, offset), positions from 1

Uses `sys.settrace` with opcode events on 3.11 and `sys.monitoring` from 3.12 on. Calls made inside the hook are not traced. Which
events count is for `tidegate_specs.stops` to say. A real asynchronous exception only arrives where the interpreter looks for one
(after a call of C code or a jump backwards, and at the start of a function), and threads switch and signal handlers run only there;
so every bytecode is more than the interpreter can do. That is what the kernel is held to. Others are held to what the interpreter
can do: `Injector.arrivals_only`.
"""

import gc
import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any, Final, Self, TypeVar, cast

from .stops import after_starts, arrives, placeholders

R = TypeVar("R")
CALLED_BY_C: Final = ("__new__", "__init__", "__call__")  # between Python code that calls and this
Hook = Callable[[int, CodeType, int], None]


class Interrupt(BaseException):
    """Stand for an exception that arrives asynchronously: nobody catches it by name."""


def files_of(owner: object) -> tuple[str, ...]:
    """Name where an implementation's code lives: its files, or the folders (ending in a separator) of its packages.

    owner: a class, or anything with a class `Intake`. What its classes inherit from counts too, unless written in C.
    """
    found: set[str] = set()
    for base in _classes(owner):
        for member in vars(base).values():
            function = getattr(member, "fget", member)
            if isinstance(function, FunctionType) and function.__module__ == base.__module__:
                file = function.__code__.co_filename
                in_package = function.__globals__.get("__package__")
                if not (file.startswith("<") and file.endswith(">")):  # else made from a string, as a data class's methods are
                    found.add(os.path.dirname(file) + os.sep if in_package else file)
    return tuple(sorted(found))


def _classes(owner: Any) -> tuple[type[Any], ...]:
    whole: type[Any] = owner if isinstance(owner, type) else owner.Intake
    return whole.__mro__


def is_in(code: CodeType, files: tuple[str, ...]) -> bool:
    """Tell whether code comes from one of the files or folders."""
    name = code.co_filename
    return any(name.startswith(file) if file.endswith(os.sep) else name == file for file in files)


def _nothing(_position: int, _code: CodeType, _offset: int) -> None:
    """Stand where a hook was."""


@dataclass(slots=True)
class _Running:
    """Count the bytecodes of one traced call, for one thread; or only those before which the interpreter looks around."""

    hook: Hook
    arrivals_only: bool = False
    position: int = 0
    before: tuple[CodeType, int] | None = None
    last: dict[CodeType, int] = field(default_factory=dict[CodeType, int])

    def step(self, code: CodeType, offset: int) -> None:
        if offset in placeholders(code) or (self.arrivals_only and not self._arrives(code, offset)):
            return
        self.position += 1
        self.hook(self.position, code, offset)

    def _arrives(self, code: CodeType, offset: int) -> bool:
        """Tell whether the interpreter has just looked. Not after a call of Python code: that ends with a return.

        But after one that C code makes for the caller it looks too: the methods by which a class makes its objects.
        """
        before, self.before = self.before, (code, offset)
        called_at, self.last[code] = self.last.get(code), offset
        if offset in after_starts(code):
            return True
        if before is None or before[0] is code:
            return before is not None and arrives(code, before[1], offset)
        return called_at is not None and before[0].co_name in CALLED_BY_C and arrives(code, called_at, offset)


class Injector:
    """Call a hook before every bytecode that a thread executes in an implementation's own files.

    A context manager; `run` may be called in several threads at once, each with its own hook. arrivals_only: leave out those before
    which no exception and no other thread can come in.
    """

    def __init__(self, owner: object) -> None:
        self.files = files_of(owner)
        self.arrivals_only = False
        self._owner = owner
        self._running: dict[int, _Running] = {}
        self._tool = -1
        self._codes: list[CodeType] = []

    def __enter__(self) -> Self:
        if sys.version_info >= (3, 12):
            self._codes = _codes_in(self._owner, self.files)
            self._tool = next(tool for tool in (4, 3, 2, 1, 0, 5) if sys.monitoring.get_tool(tool) is None)
            sys.monitoring.use_tool_id(self._tool, "tidegate injection")
            sys.monitoring.register_callback(self._tool, sys.monitoring.events.INSTRUCTION, self._monitored)
            for code in self._codes:
                sys.monitoring.set_local_events(self._tool, code, sys.monitoring.events.INSTRUCTION)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop stepping, in whatever thread; for one that hangs this is the only way. Closing again does nothing."""
        if sys.version_info >= (3, 12) and self._tool >= 0:
            for code in self._codes:
                sys.monitoring.set_local_events(self._tool, code, 0)
            sys.monitoring.register_callback(self._tool, sys.monitoring.events.INSTRUCTION, None)
            sys.monitoring.free_tool_id(self._tool)
            self._tool = -1

    def run(self, call: Callable[[], R], hook: Hook) -> R:
        """Run the call in this thread, with the hook before each bytecode; the call's answer or exception is passed on."""
        thread = threading.get_ident()
        running = self._running[thread] = _Running(hook, self.arrivals_only)
        if sys.version_info >= (3, 12):
            try:
                return call()
            finally:
                del self._running[thread]
        before = sys.gettrace()
        sys.settrace(_tracer(running, self.files))
        try:
            return call()
        finally:
            sys.settrace(before)
            del self._running[thread]
            running.hook = _nothing  # the tracer refers to itself: what the hook refers to must not have to wait for the collector

    def _monitored(self, code: CodeType, offset: int) -> None:
        running = self._running.get(threading.get_ident())
        if running is not None:
            running.step(code, offset)


def _tracer(running: _Running, files: tuple[str, ...]) -> Callable[[FrameType, str, Any], Any]:
    def per_opcode(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            running.step(frame.f_code, frame.f_lasti)
        return per_opcode

    def per_call(frame: FrameType, _event: str, _: Any) -> Any:
        if not is_in(frame.f_code, files):
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        return per_opcode

    return per_call


def _codes_in(owner: object, files: tuple[str, ...]) -> list[CodeType]:
    """Find all code in the files that an implementation can reach through its classes and the names of its modules."""
    todo: list[Any] = list(_classes(owner))
    seen: set[int] = set()
    found: dict[CodeType, None] = {}
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, type):
            todo.extend(vars(thing).values())
        elif isinstance(thing, property):
            todo.extend((thing.fget, thing.fset, thing.fdel))
        elif isinstance(thing, (staticmethod, classmethod)):
            todo.append(cast("Any", thing).__func__)
        elif isinstance(thing, CodeType) and is_in(thing, files):
            found[thing] = None
            todo.extend(thing.co_consts)
        elif isinstance(thing, FunctionType) and is_in(thing.__code__, files):
            todo.append(thing.__code__)
            todo.extend(thing.__globals__.values())
    return list(found)


@dataclass(slots=True)
class Unraisable:
    """Collect the names of exceptions that ended a finaliser, a callback or a hook of the interpreter."""

    names: list[str] = field(default_factory=list[str])

    def strays(self) -> list[str]:
        """Name those that were not injected."""
        return [name for name in self.names if name != Interrupt.__name__]


@contextmanager
def quiet_finalisers() -> Generator[Unraisable, None, None]:
    """Silence and count the exceptions that have no caller to go to, and keep the collector from running by itself."""
    collected = Unraisable()
    hook, collecting = sys.unraisablehook, gc.isenabled()
    sys.unraisablehook = lambda args: collected.names.append(args.exc_type.__name__)
    gc.disable()
    try:
        yield collected
    finally:
        sys.unraisablehook = hook
        if collecting:
            gc.enable()
