"""Threads that make calls for a sweep, and how it tells that one of them waits for ever.

A sweep stops threads on purpose, so it must know a thread that waits from one that is slow. A thread waits for ever when it
sleeps in the kernel of the operating system, at one and the same bytecode, at every look, while the looking thread leaves it the
interpreter. Where the system does not tell who sleeps, patience decides.
"""

import sys
import threading
import time
from collections.abc import Callable
from operator import attrgetter
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Final, final

from ..injection import Injector

GLANCE_S: Final = 0.002
PATIENCE_S: Final = 5.0
LOOKS: Final = 3
BYTECODES: Final = 5_000  # more than any call of an operation without a loop takes, however small the capacity

_stacks: Callable[[], dict[int, FrameType]] = attrgetter("_current_frames")(sys)  # documented, in spite of its name

STOPPED: Final = "stopped"
ENDED: Final = "ended"
WAITING: Final = "waiting"


def place_of(thread: threading.Thread) -> tuple[int, int, str]:
    """Tell where a thread is: its innermost frame, the bytecode in it, and the system's letter for what it does."""
    frame = _stacks().get(thread.ident or 0)
    at = id(frame), frame.f_lasti if frame else -1
    del frame  # whoever holds it keeps what its call leaves behind: a lease, for one
    try:
        with open(f"/proc/self/task/{thread.native_id}/stat", encoding="ascii", errors="replace") as stat:
            state = stat.read().rpartition(")")[2].split()[0]
    except OSError:
        state = "?"
    return (*at, state)


def asleep_in(thread: threading.Thread, looks: int, inside: Callable[[FrameType], bool], over: Callable[[], bool]) -> bool:
    """Look on until a thread sleeps at one and the same bytecode so many looks in a row; false if it does not in a while.

    inside: where its innermost frame must be. over: it is no longer where it could.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    place, seen = place_of(thread), 0
    while seen < looks and time.monotonic() < deadline_s and not over():
        time.sleep(GLANCE_S / 2)
        before, place = place, place_of(thread)
        frame = _stacks().get(thread.ident or 0)
        still = place == before and place[2] in "S?" and frame is not None and inside(frame)
        seen = seen + 1 if still else 0
    return seen >= looks


class Runaway(BaseException):
    """End a call that took more bytecodes than an operation without a loop can, or left finalisers that made more of themselves."""


@final
class Party:
    """Make calls in a thread of its own, one after the other, and say how each ended."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._events: SimpleQueue[str] = SimpleQueue()
        self._answers: list[Any] = []
        self.error: type[BaseException] | None = None
        self.text = ""
        self._ended = False
        self.thread = threading.Thread(target=self._work, name="party", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                self._answers.append(call())
            except BaseException as error:  # noqa: BLE001 - whatever ended the call is its answer
                self.error, self.text = type(error), f"{type(error).__name__}: {error}"
            call = None  # or it would keep what the call refers to
            self._events.put(ENDED)

    def start(self, call: Callable[[], Any]) -> None:
        """Begin a call."""
        self.error, self.text = None, ""
        self._ended = False
        self._answers.clear()
        self._calls.put(call)

    def stop_here(self, until: "SimpleQueue[None]") -> None:
        """Stop in the call, from inside it, until let go."""
        self._events.put(STOPPED)
        until.get()

    def wait(self, confirm_s: float = 0.0) -> str:
        """Tell whether the call stopped or ended, or waits for ever. confirm_s: how long to look on before saying the last."""
        if not self._ended:
            event = self._wait(confirm_s)
            self._ended = event == ENDED
            return event
        return ENDED

    def _wait(self, confirm_s: float) -> str:
        try:
            return self._events.get(timeout=GLANCE_S)
        except Empty:
            pass
        deadline_s = time.monotonic() + PATIENCE_S
        place, looks = self._place(), 0
        while looks < LOOKS and time.monotonic() < deadline_s:
            try:
                return self._events.get(timeout=GLANCE_S / 2)
            except Empty:
                before, place = place, self._place()
                looks = looks + 1 if place == before and place[2] == "S" else 0
        try:
            return self._events.get(timeout=confirm_s) if confirm_s else WAITING
        except Empty:
            return WAITING

    def settle(self) -> None:
        """Give the thread time to reach a wait, where it is expected to; at most a moment."""
        before, looks = self._place(), 0
        for _ in range(200):
            time.sleep(0.0002)
            now = self._place()
            looks = looks + 1 if now == before and now[2] != "R" else 0
            before = now
            if looks == 2:
                return

    def _place(self) -> tuple[int, int, str]:
        """Tell where the thread is: its innermost frame, the bytecode in it, and the system's letter for what it does."""
        return place_of(self.thread)

    def answer(self) -> Any:
        """Hand over what the call returned, and keep nothing of it."""
        return self._answers.pop() if self._answers else None

    def where(self) -> str:
        """Name the line that the thread is at."""
        frame = _stacks().get(self.thread.ident or 0)
        return f"{frame.f_code.co_qualname}:{frame.f_lineno}" if frame else "nowhere"

    def dismiss(self) -> None:
        """Let the thread end, as soon as its call does."""
        self._calls.put(None)


@final
class Frozen:
    """An operation in another party's thread, stopped before one of its bytecodes until let go."""

    def __init__(self, party: Party, run: "Callable[[Callable[[int, Any, int], None]], Any]", position: int) -> None:
        self._party = party
        self._until: SimpleQueue[None] = SimpleQueue()
        self.where = ""

        def hook(at: int, code: Any, offset: int) -> None:
            if at == position:
                self.where = f"{code.co_qualname}+{offset}"
                party.stop_here(self._until)

        party.start(lambda: run(hook))
        self.event = party.wait(confirm_s=1.0)

    @property
    def reached(self) -> bool:
        """Tell whether there was such a bytecode."""
        return self.event == STOPPED

    def let_go(self) -> bool:
        """Let the operation go on; true if it ended."""
        if self.reached:
            self._until.put(None)
            self.event = self._party.wait(confirm_s=1.0)
        return self.event == ENDED


def bounded(injector: Injector, call: Callable[[], Any], bytecodes: int = BYTECODES) -> Any:
    """Make a call, and end it by a `Runaway` if it takes more bytecodes than it may."""

    def hook(at: int, _code: Any, _offset: int) -> None:
        if at > bytecodes:
            raise Runaway

    return injector.run(call, hook)
