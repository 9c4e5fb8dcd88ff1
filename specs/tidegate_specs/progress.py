"""How a running check tells how far it has come, and how a command waits for it.

Outside the gate, telling does nothing, unless a command listens.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, TypeVar

T = TypeVar("T")

_QUIET_S: Final = 2.0
_HEARING_S: Final = 0.2
_listeners: list[Callable[[str], None]] = []


def progress(text: str) -> None:
    """Tell whoever watches how far the running check has come, in a few words ("12,000 of 50,000 steps")."""
    for listener in _listeners:
        listener(text)


def listen(listener: Callable[[str], None]) -> None:
    """Have `progress` call this function from now on."""
    _listeners.append(listener)


def awaited(future: Future[T]) -> T:
    """Give what a thread comes to. Ctrl-C is heard meanwhile, also where the system has told another thread of it."""
    while wait([future], _HEARING_S).not_done:
        pass  # between two waits the main thread runs the handlers of signals
    return future.result()


class OnStderr:
    """Listen for a command: after two quiet seconds, tell on stderr; in place on a terminal, a line every two seconds in a log."""

    def __init__(self) -> None:
        self.told_s = time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.shown = False
        self.text = ""  # what it was told last, shown or not

    def __call__(self, text: str) -> None:
        now_s, self.text = time.monotonic(), text
        if now_s - self.told_s < (0.2 if self.shown and self.terminal else _QUIET_S):
            return
        self.told_s, self.shown = now_s, True
        print(f"\r\x1b[K{text}" if self.terminal else text, end="" if self.terminal else "\n", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room on a terminal for what comes next."""
        if self.shown and self.terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
