# SPDX-License-Identifier: MIT
# pyright: reportPrivateUsage=false
"""The records of a `RejectingHandler`: what they keep on their way, and which are echoes. `log` says what is promised, and why."""

import logging
from collections.abc import Callable
from contextvars import Context, ContextVar
from functools import lru_cache
from logging import WARNING, LogRecord, getLogRecordFactory
from threading import get_ident
from typing import Any, ClassVar, Final, final


class Kept(LogRecord):
    """Keep what a record said when it was logged, whatever becomes of its arguments. In all else it is the record.

    It says something else as soon as it is given another `msg` or other `args`. A copy is kept too. Pickled, it is a record of
    the class that it was, as `QueueHandler` prepares one for that: text, without arguments.
    """

    __slots__ = ("_echo", "_said")  # slots, as there are formatters that write all that is in `__dict__`
    _class: ClassVar[type[LogRecord]] = LogRecord
    _echo: bool
    _said: tuple[str, object, object]

    def getMessage(self) -> str:  # noqa: N802 - its name in `logging`
        """Give the message."""
        text, msg, args = self._said
        return text if self.msg is msg and self.args is args else super().getMessage()

    def __copy__(self) -> "Kept":
        return _copy(type(self), self, self._said, self._echo)

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return object.__new__, (self._class,), {**self.__dict__, "msg": self.getMessage(), "args": None}


def _copy(kind: type[Kept], record: LogRecord, said: tuple[str, object, object], echo: bool) -> Kept:
    kept = object.__new__(kind)
    kept.__dict__.update(record.__dict__)
    kept._said, kept._echo = said, echo
    return kept


@lru_cache(maxsize=16)
def _kept_class(kind: type[LogRecord]) -> type[Kept]:
    """Derive one from the class of what the host's record factory makes."""
    return Kept if kind is LogRecord else type(kind.__name__, (Kept, kind), {"__slots__": (), "_class": kind})


def keep(record: LogRecord) -> Kept | None:
    """Copy a record with what it says now. None if its class has slots of its own: nobody knows how to copy those."""
    kind = type(record)
    if kind.__basicsize__ != LogRecord.__basicsize__:
        return None
    message = record.getMessage()
    # mypy holds a class, as an argument of what `lru_cache` has wrapped, for one that can't be hashed.
    kept = _copy(_kept_class(kind), record, (message, record.msg, record.args), False)  # type: ignore[arg-type]
    kept.message = message
    return kept


def report(text: str, *args: object) -> LogRecord:
    """Make a record of our own."""
    return getLogRecordFactory()("tidegate", WARNING, __file__, 0, text, args, None)


def say(text: str) -> None:
    """Write a line where `logging` writes what nobody handles: on stderr, unless the host wants no such words."""
    if logging.lastResort is not None:
        logging.lastResort.handle(report(f"tidegate: {text}"))


@final
class Loop:
    """Know what is logged while records of an intake are handled, so that no sink is fed by itself for ever."""

    __slots__ = ("dropped", "intake")

    def __init__(self, intake: object) -> None:
        self.intake: Final = intake
        self.dropped = 0

    def run(self, record: LogRecord, handle: Callable[[], object]) -> None:
        """Handle a record in a context that says so. It is empty else, and gone however this ends."""
        Context().run(self._run, record, handle)

    def _run(self, record: LogRecord, handle: Callable[[], object]) -> None:
        echo = not isinstance(record, Kept) or record._echo  # of other records, reports too, nobody could tell
        _handling.set((self, get_ident(), echo))
        handle()


_handling: Final[ContextVar[tuple[Loop, int, bool] | None]] = ContextVar("tidegate.adapters.log", default=None)


def ends_loop(record: LogRecord, intake: object) -> bool:
    """Tell whether a record is logged while an echo of its intake is written, and count it. While another is, it is an echo."""
    handling = _handling.get()
    if handling is None:
        return False
    loop, thread, echo = handling
    if loop.intake is not intake or thread != get_ident():  # a thread may inherit its context
        return False
    if echo:
        loop.dropped += 1
    elif isinstance(record, Kept):
        record._echo = True
    return echo
