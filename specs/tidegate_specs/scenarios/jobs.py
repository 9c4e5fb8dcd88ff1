"""Jobs in threads of their own, which are watched, stopped and told to be stuck."""

import ctypes
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from types import FrameType
from typing import Any, Generic, TypeVar

from ..injection import Interrupt, is_in

T = TypeVar("T")

_stacks: Callable[[], dict[int, FrameType]] = attrgetter("_current_frames")(sys)  # documented, in spite of its name
WAKE_S = 5.0  # for a thread to do what takes it microseconds
SLICE_S = 0.1
_CONFIRM_S = 0.5


class Violation(Exception):
    """End a scenario as ILLEGAL: the clauses found broken, and how; and those that it had looked at to the end by then."""

    def __init__(self, clauses: Sequence[str], message: str, cleared: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.clauses = tuple(clauses)
        self.cleared = tuple(cleared)


def expect(condition: bool, clauses: str, message: str, cleared: str = "") -> None:
    """Raise a violation of the clauses (ids, with blanks between) unless the condition holds."""
    if not condition:
        raise Violation(clauses.split(), message, cleared.split())


@dataclass(slots=True)
class Job(Generic[T]):
    """Follow what runs in a thread of its own."""

    name: str
    thread: threading.Thread
    ended: threading.Event = field(default_factory=threading.Event)
    value: T | None = None
    error: BaseException | None = None
    where: str = ""

    def result(self) -> Any:
        """Give the answer, or raise what ended it."""
        if self.error is not None:
            raise self.error
        return self.value


def start(work: Callable[[], T], name: str = "") -> Job[T]:
    """Run something in a daemon thread."""

    def run() -> None:
        try:
            job.value = work()
        except BaseException as error:  # noqa: BLE001  whatever it was, it is handed to whoever asks for the result
            job.where = _innermost(error)
            job.error = error.with_traceback(None)  # a traceback would keep the locals of the subject's calls alive
        job.ended.set()

    job: Job[T] = Job(name, threading.Thread(target=run, name=name, daemon=True))
    job.thread.start()
    return job


def _innermost(error: BaseException) -> str:
    """Name the line that raised an exception."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""


def stop(job: Job[Any], files: tuple[str, ...]) -> None:
    """End a thread that loops in the subject, by an exception.

    Not one that waits in C: it would not hear it, and while an exception is pending 3.11 can't trace any thread.
    """
    seen: set[int] = set()
    for _ in range(20):
        frames = _frames(job, files)
        seen.add(frames[0].f_lasti if frames else -1)
        del frames
        time.sleep(0.002)
    if len(seen) > 1 and job.thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(job.thread.ident), ctypes.py_object(Interrupt))


def ends_within(event: threading.Event, seconds: float) -> bool:
    """Wait for an event in slices, each counted as what was asked for: time in which the whole machine stood still is not."""
    return any(event.wait(SLICE_S) for _ in range(round(seconds / SLICE_S)))


def _frames(job: Job[Any], files: tuple[str, ...]) -> list[FrameType]:
    """Find the frames of the subject's operation that a thread is in, innermost first; of nested ones the innermost."""
    frame = _stacks().get(job.thread.ident or 0)
    frames: list[FrameType] = []
    while frame is not None:
        if is_in(frame.f_code, files):
            frames.append(frame)
        elif frames:
            break
        frame = frame.f_back
    return frames


def operation_of(job: Job[Any], files: tuple[str, ...]) -> str:
    """Name the subject's operation that a thread is in, or nothing."""
    frames = _frames(job, files)
    return frames[-1].f_code.co_qualname if frames else ""


def stuck(job: Job[Any], files: tuple[str, ...]) -> bool:
    """Tell whether a thread stays in one call of an operation for a while."""
    before = _frames(job, files)
    time.sleep(_CONFIRM_S)
    after = _frames(job, files)
    return bool(before) and bool(after) and before[-1] is after[-1]
