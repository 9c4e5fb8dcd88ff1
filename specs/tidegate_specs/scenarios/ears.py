"""Hear whatever a process says: on its output and in its files, by logging, by warnings.

An audit hook can't be taken out again, so there is one for good, which is deaf unless somebody listens. It hears files opened to
write, sockets and programs; nothing of Python's own hears a write to what is open already, so where the output goes is exchanged,
and the regular files that are open are looked at before and after.
"""

import contextlib
import logging
import os
import stat
import sys
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, Final, Self, cast, final
from unittest.mock import patch

LARGEST_DESCRIPTOR: Final = 256
SPOKEN: Final = ("socket.connect", "socket.send", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "syslog.syslog")
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC

_listening: "list[Ears]" = []
_hooked: list[bool] = []


@final
class Ears:
    """Hear what is said while it is entered. `heard` tells the first of it."""

    def __init__(self) -> None:
        self._said = ""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._output = stack.enter_context(tempfile.TemporaryFile())
            for number in (1, 2):
                self._exchange(stack, number)
            for name in ("stdout", "stderr"):
                stack.enter_context(patch.object(sys, name, SimpleNamespace(write=self._write, flush=lambda: None, isatty=bool)))
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("always")
            stack.enter_context(patch.object(warnings, "showwarning", self._shown))
            former, level = logging.getLogRecordFactory(), logging.root.level
            stack.callback(logging.setLogRecordFactory, former)
            stack.callback(logging.root.setLevel, level)

            def made(*args: Any, **named: Any) -> logging.LogRecord:
                record = former(*args, **named)
                self._say(f"logged {record.levelname} by {record.name}: {record.msg}")
                return record

            logging.setLogRecordFactory(made)
            logging.root.setLevel(logging.NOTSET)
            stack.enter_context(patch.object(logging.root, "handlers", [logging.NullHandler()]))  # the host's may keep records
            self._files = _files()
            _listening.append(self)
            stack.callback(_listening.remove, self)
            if not _hooked:
                _hooked.append(True)
                sys.addaudithook(_hook)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def heard(self) -> str:
        """Tell the first that was said, or nothing."""
        _flush()
        size = os.fstat(self._output.fileno()).st_size
        if size:
            text = os.pread(self._output.fileno(), 200, 0).decode(errors="replace").partition("\n")[0]
            self._say(f"written to the output: {text}")
        now = _files()
        if changed := [number for number, state in self._files.items() if now.get(number, state) != state]:
            self._say(f"written to a file that was open (descriptor {changed[0]})")
        return self._said

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        """Take what the interpreter tells of an event."""
        if event == "open" and _is_written(*args):
            self._say(f"opened {args[0]!r} to write")
        elif event.startswith(SPOKEN):
            self._say(event)

    def _exchange(self, stack: ExitStack, number: int) -> None:
        """Have a descriptor lead to where it is heard, until the end; what is still in a buffer goes where it was meant to go."""
        _flush()
        kept = os.dup(number)
        stack.callback(os.close, kept)
        stack.callback(os.dup2, kept, number)
        os.dup2(self._output.fileno(), number)

    def _write(self, text: str) -> int:
        self._say(f"written to the output: {text}")
        return len(text)

    def _shown(self, message: object, *_: object, **__: object) -> None:
        self._say(f"warned: {message}")

    def _say(self, text: str) -> None:
        self._said = self._said or " ".join(text.split())[:200]


def _is_written(path: object, mode: object, flags: object) -> bool:
    """Tell whether a file is opened to write; the bytecode that an import leaves behind is not what anybody says."""
    if isinstance(path, int) or "__pycache__" in str(path):
        return False
    return (isinstance(mode, str) and bool(set(mode) & set("wax+"))) or (isinstance(flags, int) and bool(flags & _WRITES))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            cast(Any, stream).flush()


def _hook(event: str, args: tuple[Any, ...]) -> None:
    for ears in _listening:
        ears.hear(event, args)


def _files() -> Mapping[int, tuple[int, int]]:
    """Give of each regular file that is open its size and when it was written to."""
    found: dict[int, tuple[int, int]] = {}
    for number in range(3, LARGEST_DESCRIPTOR):
        with contextlib.suppress(OSError):
            state = os.fstat(number)
            if stat.S_ISREG(state.st_mode):
                found[number] = (state.st_size, state.st_mtime_ns)
    return found
