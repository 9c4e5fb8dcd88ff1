"""Hear of every chosen bytecode of a thread: by tracing, or by events where the interpreter has them."""

import sys
import types
from collections.abc import Callable
from typing import Any, Final, Protocol

from .accesses import Site

MONITORING: Final[Any] = getattr(sys, "monitoring", None)  # 3.12 and later


class Watched(Protocol):
    """What a watch tells of the opcodes that come: a scheduler."""

    watching: bool

    def pause(self, code: types.CodeType, offset: int, frame: types.FrameType | None) -> None:
        """Stop before an opcode until the baton comes."""


class Watch(Protocol):
    """Have the running thread call `Scheduler.pause` before each chosen opcode of the subject."""

    def aim(self, sites: frozenset[Site]) -> None:
        """Choose the opcodes."""

    def begin(self) -> None:
        """Start watching the calling thread, which is about to run a body."""

    def end(self) -> None:
        """Stop watching the calling thread."""

    def stop(self) -> None:
        """Stop for good."""


class TracingWatch:
    """Watch with `sys.settrace`."""

    def __init__(self, scheduler: Watched) -> None:
        self._scheduler = scheduler
        self._local: dict[types.CodeType, Callable[..., Any]] = {}

    def aim(self, sites: frozenset[Site]) -> None:
        by_code: dict[types.CodeType, set[int]] = {}
        for code, offset in sites:
            by_code.setdefault(code, set()).add(offset)
        self._local = {code: self._tracer(code, offsets) for code, offsets in by_code.items()}

    def _tracer(self, code: types.CodeType, offsets: set[int]) -> Callable[..., Any]:
        """Make the function that follows a frame: by lines, and by opcodes only while it is in a line with a chosen one."""
        pause = self._scheduler.pause
        lines = {line for start, end, line in code.co_lines() if any(start <= offset < end for offset in offsets)}

        def trace(frame: types.FrameType, event: str, argument: object) -> Any:
            if event == "opcode":
                if frame.f_lasti in offsets:
                    pause(code, frame.f_lasti, frame)
            elif event == "line":
                frame.f_trace_opcodes = frame.f_lineno in lines  # takes effect from this very opcode on
            return trace

        return trace

    def _enter(self, frame: types.FrameType, event: str, argument: object) -> Any:
        trace = self._local.get(frame.f_code)
        if trace is not None:
            frame.f_trace = trace  # 3.13 wants it before the next line
            frame.f_trace_opcodes = True  # what comes before the first line
        return trace

    def begin(self) -> None:
        sys.settrace(self._enter)

    def end(self) -> None:
        sys.settrace(None)

    def stop(self) -> None:
        pass


class MonitoringWatch:
    """Watch with `sys.monitoring`, on 3.12 and later. An opcode that is not chosen costs nothing after its first time."""

    def __init__(self, scheduler: Watched) -> None:
        monitoring = self._monitoring = MONITORING
        self._offsets: dict[types.CodeType, set[int]] = {}
        self._tool: int = next(tool for tool in (4, 3, 5, 2, 1, 0) if monitoring.get_tool(tool) is None)
        monitoring.use_tool_id(self._tool, "tidegate explorer")
        self._scheduler = scheduler
        monitoring.register_callback(self._tool, monitoring.events.INSTRUCTION, self._instruction)

    def aim(self, sites: frozenset[Site]) -> None:
        monitoring = self._monitoring
        by_code: dict[types.CodeType, set[int]] = {}
        for code, offset in sites:
            by_code.setdefault(code, set()).add(offset)
        for code in self._offsets.keys() - by_code.keys():
            monitoring.set_local_events(self._tool, code, 0)
        self._offsets = by_code
        for code in by_code:
            monitoring.set_local_events(self._tool, code, monitoring.events.INSTRUCTION)
        monitoring.restart_events()

    def _instruction(self, code: types.CodeType, offset: int) -> Any:
        if offset not in self._offsets.get(code, ()):
            return self._monitoring.DISABLE
        if self._scheduler.watching:
            self._scheduler.pause(code, offset, None)
        return None

    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass

    def stop(self) -> None:
        for code in self._offsets:
            self._monitoring.set_local_events(self._tool, code, 0)
        self._monitoring.free_tool_id(self._tool)


WATCHES: Final[dict[str, Callable[[Watched], Watch]]] = {"settrace": TracingWatch}
if MONITORING is not None:
    WATCHES["monitoring"] = MonitoringWatch
DEFAULT_WATCH: Final = "settrace" if MONITORING is None else "monitoring"
