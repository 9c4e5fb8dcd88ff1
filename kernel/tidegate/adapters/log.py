# SPDX-License-Identifier: MIT
"""Log through an intake: the application never waits for the sink, memory never grows, and what is dropped is counted.

    records: Intake[logging.LogRecord] = Intake(1000)
    listener = RejectingListener(records, logging.FileHandler("app.log"))
    listener.start()
    logging.getLogger().addHandler(RejectingHandler(records))

The handler prepares a record as `QueueHandler` does and offers it. ACCEPTED: the listener will handle it. FULL: as many records as
the intake has slots are unfinished, the one being written among them; this one is dropped. CLOSED: the listener was stopped; this
one is dropped. Nothing is raised or printed for a dropped record: `statistics()` counts them, `full` and `closed`.

The listener takes the records in its thread and frees each one's slot when all its handlers are done with it. It tells them
itself when overload begins and ends, by a record of its own each, of the logger "tidegate".

Prior art: `QueueHandler` and `QueueListener`, which these are, on an unbounded queue (memory grows while the sink is slow) or a
bounded one (a traceback on stderr for each record dropped); with a lock held around each. Considered and rejected: to claim the
slot before preparing the record, which would spare the dropped ones the formatting (a producer stopped between the two would
stop the listener); to make room for important levels (an intake takes nothing back); a warning by the handler (it would log in the
middle of logging, once for each record).

Limits: preparing a record runs the formatter and the arguments' `__str__`, dropped or not. A record that cannot be prepared is
reported by `logging` on stderr. `logging` itself takes its module lock when a logger is first asked for a level. After a fork the
child has no listener's thread: start one of its own there.
"""

import atexit
from functools import partial
from logging import WARNING, Handler, LogRecord, getLogRecordFactory
from logging.handlers import QueueHandler, QueueListener
from threading import Thread, current_thread
from time import monotonic, sleep
from typing import Any, Final

from .. import Closed, Empty, Intake, Lease
from ._exit import check_threads, enter, exiting, leave, start_empty
from .edges import OverloadWatch, attempt, checked_interval

__all__ = ["RejectingHandler", "RejectingListener"]


class RejectingHandler(QueueHandler):
    """Offer each record to an intake, and drop it if it is refused (LOG-1). Also for `logging.config`."""

    def __init__(self, intake: Intake[LogRecord]) -> None:
        queue: Any = intake
        super().__init__(queue)
        self.intake: Final = intake

    def handle(self, record: LogRecord) -> Any:
        """Emit a record that the filters let pass, without the handler's lock (LOG-1).

        A thread stopped in the middle of logging keeps no other from it: the intake needs no lock.
        """
        passed: Any = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, LogRecord) else record)  # from 3.12 on a filter may put another in its place
        return passed

    def enqueue(self, record: LogRecord) -> None:
        """Offer a prepared record. Never waits; refused, it is dropped and counted by the intake (LOG-1)."""
        self.intake.offer(record)


class RejectingListener(QueueListener):
    """Take the records of an intake, hand them to handlers in a thread, and report overload (LOG-1, LOG-2).

    handlers, respect_handler_level: as in `QueueListener`. interval_s: how often at most to look for the beginning or the end of
    overload, in seconds; episodes closer together are one. ValueError unless it is above 0. Make it before the logging begins: what
    was dropped earlier is in the statistics only.
    """

    def __init__(
        self, intake: Intake[LogRecord], *handlers: Handler, respect_handler_level: bool = False, interval_s: float = 1.0
    ) -> None:
        queue: Any = intake
        super().__init__(queue, *handlers, respect_handler_level=respect_handler_level)
        self.intake: Final = intake
        self.interval_s: Final = checked_interval(interval_s)
        self._watch: Final = OverloadWatch(intake)
        self._worker: Thread | None = None
        self._stopped = False

    def start(self) -> None:
        """Start the thread. RuntimeError if it runs already, or if the listener was stopped: its intake is closed for good.

        A listener that still runs when the interpreter exits handles what it has when the threads of the program have ended, works
        of executors included, and is stopped when its turn comes among the handlers of `atexit`. From then on none can start:
        RuntimeError, and the intake is closed.
        """
        check_threads(type(self).__name__)
        if self._stopped:
            raise RuntimeError(
                "a stopped listener can't start again, its intake is closed: make a new listener, handler and intake"
            )
        if self._worker is not None and self._worker.is_alive():  # in a forked child it is not
            raise RuntimeError("the listener is started already")
        if exiting():
            self.stop()
            raise RuntimeError("the interpreter exits, no listener can start any more")
        self._worker = Thread(target=self._run, name="tidegate-log", daemon=True)
        enter(self._worker, self._settle, listener=True)
        start_empty(self._worker)
        atexit.register(self.stop)

    def stop(self) -> None:
        """Close the intake, and return when every accepted record is handled. Idempotent.

        From then on records are dropped, counted as `closed`. Takes as long as the handlers do.
        """
        self._stopped = True
        self.intake.close()
        if self._worker is not None:
            self._worker.join()
        self._work()  # what is left if the thread was never started, or stayed behind in a fork
        atexit.unregister(self.stop)

    def handle(self, record: LogRecord) -> None:
        """Hand a record to each handler. One that raises has its own `handleError` called, and the next ones their turn."""
        record = self.prepare(record)
        for handler in self.handlers:
            if not self.respect_handler_level or record.levelno >= handler.level:
                try:
                    handler.handle(record)
                except Exception:  # noqa: BLE001 - what `logging` does with an error inside of `emit`
                    handler.handleError(record)

    def handle_next(self, timeout: float | None = None) -> None:
        """Take a record, handle it, and release its slot, however that ends (LOG-1). Raises Empty and Closed as `take` does.

        The thread does this over and over. Useful without a thread: in tests, or in a loop of the host's.
        """
        self._finish(self.intake.take(timeout))

    def report(self) -> bool:
        """Look for the beginning or the end of overload, and hand a record about it to the handlers (LOG-2). True if it was."""
        edge = self._watch.look()
        if edge is None:
            return False
        text = "log records are being dropped: %d so far" if edge.kind == "entered" else "no more log records are dropped: %d were"
        self.handle(getLogRecordFactory()("tidegate", WARNING, __file__, 0, text, (edge.rejected,), None))
        return True

    def _finish(self, lease: Lease[LogRecord]) -> None:
        with lease as record:
            self.handle(record)

    def _run(self) -> None:
        self._work()
        leave(current_thread())

    def _settle(self) -> None:
        """Wait until everything accepted so far is handled, as after this the process may end without another word (HOST-2)."""
        accepted = self.intake.statistics().accepted
        while self._worker is not None and self._worker.is_alive():
            statistics = self.intake.statistics()
            if statistics.released + statistics.abandoned >= accepted:
                return
            sleep(0.005)  # a moment of an exit that waits anyway; the intake has no call that waits and stays open

    def _work(self) -> None:
        look_at_s = monotonic()
        while True:
            try:  # nothing but that call holds the lease: whatever ends it, the slot comes home
                attempt(partial(self._finish, self.intake.take(self.interval_s)))
            except Empty:
                pass
            except Closed:
                break
            if monotonic() >= look_at_s:
                attempt(self.report)
                look_at_s = monotonic() + self.interval_s
        for _ in ("entered", "left"):  # all is handled: an episode that nobody was told of yet has two edges
            attempt(self.report)
