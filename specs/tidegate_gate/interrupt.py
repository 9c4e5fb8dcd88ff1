"""A signal that ends the run, and a second one that ends the process."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self


class Interrupt:
    """Note a signal that ends the run. A second one ends the process there and then."""

    def __init__(self) -> None:
        self.name = ""
        self.emergency: Callable[[], None] = lambda: None
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                    continue  # started under nohup
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def __bool__(self) -> bool:
        return bool(self.name)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.name:
            self.emergency()
            os._exit(3)
        self.name = signal.Signals(number).name
