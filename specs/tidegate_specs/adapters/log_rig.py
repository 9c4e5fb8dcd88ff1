"""A log handler with a hostile sink behind it, and what is counted of both."""

import logging
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

from ..check import Subject
from .support import module_of

REPORTER: Final = "tidegate"  # the logger that the listener's own records name
LOOPING: Final = "logged itself"  # what the one of them says that is about a sink that logs into itself


class Hostile(logging.Handler):
    """Raise from `handle`, where `emit` is not there to catch it, and from the report of that as well."""

    def __init__(self, errors: tuple[type[Exception], ...]) -> None:
        super().__init__()
        self.errors = errors
        self.reported = 0

    def handle(self, record: logging.LogRecord) -> Any:
        raise self.errors[record.created > 0 and len(record.getMessage()) % len(self.errors)]

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in `logging`
        self.reported += 1


@final
class Sink(logging.Handler):
    """Note what the listener hands over, and let something happen while a record is being written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.reports: list[int] = []
        self.loops: list[int] = []
        self.bare = 0  # without their arguments
        self.meanwhile: Callable[[], None] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == REPORTER and isinstance(record.args, tuple):
            told = self.loops if LOOPING in record.getMessage() else self.reports
            told += [number for number in record.args if isinstance(number, int) and str(number) in record.getMessage()]
            return
        self.bare += not record.args
        self.written.append(record.getMessage())
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()


@final
class Rig:
    """Put a logger, its handler, an intake and a listener together. alive: records that were prepared and still exist."""

    def __init__(self, subject: Subject, capacity: int) -> None:
        adapter = module_of(subject, "log")
        self.intake = subject.Intake(capacity)
        self.alive: weakref.WeakSet[Any] = weakref.WeakSet()
        self.sink = Sink()
        self.hostile = Hostile((ValueError, subject.Closed, subject.Empty))
        self.listener = adapter.RejectingListener(self.intake, self.hostile, self.sink)
        self.handler = adapter.RejectingHandler(self.intake)
        prepare = self.handler.prepare

        def prepared(record: logging.LogRecord) -> Any:
            record = prepare(record)
            self.alive.add(record)
            return record

        self.handler.prepare = prepared
        self.logger = logging.Logger("swept")  # noqa: LOG001 - nobody else's, and of no hierarchy
        self.logger.addHandler(self.handler)

    def log(self, name: object) -> None:
        self.logger.info("record %s", name)

    def handle_all(self, subject: Subject) -> None:
        """Handle what is queued."""
        try:
            while True:
                self.listener.handle_next(0)
        except (subject.Empty, subject.Closed):
            pass


@final
@dataclass(slots=True)
class Tally:
    """Count records, and what became of them."""

    logged: int = 0
    peak: int = 0
    uncounted: int = 0
    episodes: int = 0
    entered: int = 0
    left: int = 0
    witness: str = ""
    blames: tuple[str, ...] = ()

    def note(self, clause: str, text: str) -> None:
        """Keep the first account of a fault."""
        if not self.witness:
            self.witness, self.blames = text, (clause,)
