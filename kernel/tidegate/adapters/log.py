# SPDX-License-Identifier: MIT
# pyright: reportPrivateUsage=false
"""Log through an intake: the application never waits for the sink, memory never grows, and what is dropped is counted.

    records: Intake[logging.LogRecord] = Intake(1000)
    listener = RejectingListener(records, logging.FileHandler("app.log"))
    listener.start()
    logging.getLogger().addHandler(RejectingHandler(records))

The handler prepares a record and offers it. ACCEPTED: the listener will handle it. FULL: as many records as the intake has slots
are unfinished, the one being written among them; this one is dropped. CLOSED: the listener was stopped; this one is dropped.
Nothing is raised or printed for a dropped record: `statistics()` counts them, `full` and `closed`.

The listener takes the records in its thread and frees each one's slot when all its handlers are done with it. It tells them
itself when overload begins and ends, by a record of its own each, of the logger "tidegate".

Handlers run in an empty context: no context variable of whoever logs or stops is seen in them. A record that a handler logs while
it writes another is an echo. It is offered as any record, but what is logged while an echo is written is dropped, and counted in
`looped`: else a sink that logs into itself would be fed by itself for ever.

Prior art: `QueueHandler` and `QueueListener`, which these are, on an unbounded queue (memory grows while the sink is slow) or a
bounded one (a traceback on stderr for each record dropped); with a lock held around each. Considered and rejected: to claim the
slot before preparing the record, which would spare the dropped ones the formatting (a producer stopped between the two would
stop the listener); to make room for important levels (an intake takes nothing back); a warning by the handler (it would log in the
middle of logging, once for each record); to drop whatever the listener's thread logs (a finaliser may log in any thread).

Limits: preparing a record runs the arguments' `__str__`, dropped or not. A record that cannot be prepared is reported by
`logging` on stderr. `logging` itself takes its module lock when a logger is first asked for a level. After a fork the child has
no listener's thread: start one of its own there, or what it logs is written only when it ends, and a line on stderr says so. A
sink that logs in a thread of its own, and two listeners that write to each other's handlers, can still feed themselves.
"""

import atexit
import weakref
from collections.abc import Callable
from functools import partial
from logging import Handler, LogRecord
from logging.handlers import QueueHandler, QueueListener
from math import inf
from threading import TIMEOUT_MAX, Thread, current_thread
from time import monotonic, sleep
from typing import Any, Final, final

from .. import Intake, Lease
from .._forks import epoch
from .._intake import NO_LEASE, Quietly
from ._exit import at_end, check_threads, enter, exiting, join_others, leave, start_empty
from ._records import Loop, ends_loop, keep, report, say
from .edges import OverloadWatch, attempt, checked_interval

__all__ = ["RejectingHandler", "RejectingListener"]

CLOSING_S: Final = 1.0  # how long a handler that is closed waits for its sink: `logging` holds its lock meanwhile


class RejectingHandler(QueueHandler):
    """Offer each record to an intake, and drop it if it is refused (LOG-1). Also for `logging.config`, with `RejectingListener`."""

    _listener: "RejectingListener | None" = None

    def __init__(self, intake: Intake[LogRecord]) -> None:
        _check_intake(intake)
        queue: Any = intake
        super().__init__(queue)
        self.intake: Final = intake
        self._epoch = epoch()
        _note(self)

    @property
    def listener(self) -> Any:
        """The listener that `logging.config` made for this handler, or None. Closing the handler stops it.

        TypeError for one that does not take from this handler's intake: nothing would ever be written.
        """
        return self._listener

    @listener.setter
    def listener(self, listener: Any) -> None:
        if listener is not None and not (isinstance(listener, RejectingListener) and listener.intake is self.intake):
            raise TypeError(
                f'no {type(listener).__name__} takes records from an intake: beside "queue" write "listener": '
                f'"{__name__}.RejectingListener"; or write "()" for "class", and make the listener yourself'
            )
        self._listener = listener

    def handle(self, record: LogRecord) -> Any:
        """Emit a record that the filters let pass, without the handler's lock (LOG-1).

        A thread stopped in the middle of logging keeps no other from it: the intake needs no lock.
        """
        passed: Any = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, LogRecord) else record)  # from 3.12 on a filter may put another in its place
        return passed

    def emit(self, record: LogRecord) -> None:
        """Prepare a record and offer it. One that can't be prepared is an error of logging: `handleError` is told."""
        try:
            prepared: Any = self.prepare(record)
        except Exception:  # noqa: BLE001 - as every handler of `logging` does
            self.handleError(record)
        else:
            self.enqueue(prepared)

    def prepare(self, record: LogRecord) -> Any:
        """Copy a record, so that a handler behind the intake finds in it what it would find in front: arguments, exception, stack.

        The message is merged here and now, and `getMessage()` gives it: an argument that changes later changes no message. `msg`,
        `args`, `exc_info`, `exc_text` and `stack_info` are the record's own, as nothing is pickled on the way. A formatter that
        looks at an argument itself sees it as it is by then, from another thread; until the record is written it keeps its
        arguments alive, and its exception with the frames of the traceback.

        With a formatter of this handler's own, or a class of records that has slots, it is what `QueueHandler.prepare` makes of it:
        text, without arguments or exception. Override this for anything else.
        """
        kept = keep(record) if self.formatter is None else None
        return super().prepare(record) if kept is None else kept

    def enqueue(self, record: LogRecord) -> None:
        """Offer a prepared record. Never waits; refused, it is dropped and counted by the intake (LOG-1).

        What a handler behind the intake logs while it writes an echo is dropped before that, and counted in `looped`.
        """
        if not ends_loop(record, self.intake):
            self.intake.offer(record)
            if self._epoch:  # forked since: a child of `multiprocessing` ends without `atexit`
                self._epoch = epoch()
                at_end(_catch_up)

    def close(self) -> None:
        """Close the handler, and stop the listener that `logging.config` made for it: an old configuration leaves no thread behind.

        `logging` closes handlers when it is configured anew and at exit. Waits a second at most for what is still to be written;
        the thread ends when that is done.
        """
        try:
            if self._listener is not None:
                self._listener.stop(CLOSING_S)
        finally:
            super().close()


class RejectingListener(QueueListener):
    """Take the records of an intake, hand them to handlers in a thread, and report overload (LOG-1, LOG-2).

    handlers, respect_handler_level: as in `QueueListener`. interval_s: how often at most to look for the beginning or the end of
    overload, in seconds; episodes closer together are one. ValueError unless it is above 0. Make it before the logging begins: what
    was dropped earlier is in the statistics only.

    A signal handler and a finaliser may log, and call `close()` and `statistics()` of the intake. They must call nothing of the
    listener: that may wait for a lock which the interrupted code holds, `stop(timeout)` for as long as it may.
    """

    def __init__(
        self,
        intake: Intake[LogRecord],
        *handlers: Handler,
        respect_handler_level: bool = False,
        interval_s: float | int = 1.0,  # noqa: PYI041 - to what checks annotations at run time, an int is no float
    ) -> None:
        _check_intake(intake)
        queue: Any = intake
        super().__init__(queue, *handlers, respect_handler_level=respect_handler_level)
        self.intake: Final = intake
        self.interval_s: Final = checked_interval(interval_s + 0.0)  # from here on a float
        self._loop: Final = Loop(intake)
        self._looped_told = False
        self._watch: Final = OverloadWatch(intake)
        self._term = _Term()
        self._stopped = False
        _note(self)

    @property
    def looped(self) -> int:
        """How many records were dropped because they were logged while an echo was written. The first are reported, once."""
        return self._loop.dropped

    def start(self) -> None:
        """Start the thread. RuntimeError if it runs already, or if the listener was stopped: its intake is closed for good.

        RuntimeError too where gevent or eventlet has replaced threads. However it fails, the listener can be started again, or
        stopped. One that still runs when the interpreter exits handles what it has when the threads of the program have ended, with
        the works of executors, and is stopped when its turn comes among the handlers of `atexit`. From then on none can start:
        RuntimeError, and the intake is closed.
        """
        check_threads(type(self).__name__)
        if self._stopped:
            raise RuntimeError(
                "a stopped listener can't start again, its intake is closed: make a new listener, handler and intake"
            )
        if exiting():
            self.stop()
            raise RuntimeError("the interpreter exits, no listener can start any more")
        term = self._term
        if term.worker() is None:  # in a forked child it is
            term = self._term = _Term()
            worker = Thread(target=self._begin, args=(term,), name="tidegate-log", daemon=True)
            enter(worker, self._settle, listener=True)
            start_empty(worker)
            term.settle(worker)
        elif term.announced:
            raise RuntimeError("the listener is started already")
        atexit.register(self.stop)
        term.announced = True  # if not, this call was interrupted: the next one goes on with what it left

    def stop(self, timeout: float | int | None = None) -> None:  # noqa: PYI041
        """Close the intake, and return when every accepted record is handled, or after `timeout` seconds. Idempotent.

        From then on records are dropped, counted as `closed`. Without `timeout` it takes as long as the handlers do. When the time
        is over the thread goes on, and `statistics()` of the intake tells what is left; at exit the listener waits for it no more
        (`logging` itself does, for the lock of a handler that is stuck). Called by a handler behind the intake it returns at once.
        If no thread runs, the records are handled here; then what a handler raises that is no Exception comes out, and another call
        goes on.
        """
        deadline = inf if timeout is None else monotonic() + timeout
        self._stopped = True
        self.intake.close()
        worker = self._term.worker()
        if worker is not None and worker is not current_thread():
            worker.join(None if timeout is None else min(max(0.0, deadline - monotonic()), TIMEOUT_MAX))
        if worker is None or not worker.is_alive():  # it never ran, was killed, or stayed behind in a fork
            self._work(_call, deadline)
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

    def handle_next(self, timeout: float | int | None = None) -> None:  # noqa: PYI041
        """Take a record, handle it, and release its slot, however that ends (LOG-1). Raises Empty and Closed as `take` does.

        The thread does this over and over. Useful without a thread: in tests, or in a loop of the host's.
        """
        self._finish(_call, self.intake.take(timeout))

    def report(self) -> bool:
        """Look for the beginning or the end of overload, and hand a record about it to the handlers (LOG-2). True if it was."""
        if self.looped and not self._looped_told:
            self._looped_told = True
            self._tell("a log handler logs while it writes what it logged itself: such records are dropped, %d so far", self.looped)
        edge = self._watch.look()
        if edge is None:
            return False
        text = "log records are being dropped: %d so far" if edge.kind == "entered" else "no more log records are dropped: %d were"
        self._tell(text, edge.rejected)
        return True

    def _tell(self, text: str, number: int) -> None:
        record = report(text, number)
        self._loop.run(record, partial(self.handle, record))

    def _finish(self, guard: "_Guard", lease: Lease[LogRecord]) -> None:
        with lease as record:
            self._loop.run(record, partial(guard, partial(self.handle, record)))

    def _begin(self, term: "_Term") -> None:
        try:
            if term.settle(current_thread()) is not None:  # else `start` failed, and this thread is nobody's
                self._work(attempt, inf)
        finally:
            leave(current_thread())

    def _settle(self) -> None:
        """Wait until everything accepted so far is handled, as after this the process may end without another word (HOST-2)."""
        accepted = self.intake.statistics().accepted
        while self._term.worker() is not None and not self._stopped:  # else somebody has waited, and maybe given it up
            statistics = self.intake.statistics()
            if statistics.released + statistics.abandoned >= accepted:
                return
            sleep(0.005)  # a moment of an exit that waits anyway; the intake has no call that waits and stays open

    def _work(self, guard: "_Guard", deadline: float) -> None:
        look_at_s = now = monotonic()
        while now < deadline:
            if not self._goes_on(guard, min(self.interval_s, deadline - now)):
                for _ in ("entered", "left"):  # all is handled: an episode that nobody was told of yet has two edges
                    guard(self.report)
                break
            now = monotonic()
            if now >= look_at_s:
                guard(self.report)
                look_at_s = now + self.interval_s

    def _goes_on(self, guard: "_Guard", wait_s: float) -> bool:
        """Handle the next record, should one come in time. False if none can come any more.

        No exception is an answer here: another's Closed would end the thread in silence.
        """
        lease = self.intake.take(Quietly(wait_s))
        if lease is NO_LEASE:
            return not self.intake._here().exhausted()
        guard(partial(self._finish, guard, lease))  # held by this call alone: its slot comes home however that ends
        return True


_Guard = Callable[[Callable[[], object]], object]  # makes a call; in a thread that must go on, nothing comes out of it


def _call(call: Callable[[], object]) -> None:
    call()


@final
class _Term:
    """Say which thread handles the records. Whoever settles that first, by one call into C, settles it for good.

    That is the thread itself, or `start`, when it has seen that the thread runs. Or somebody who finds it open, because `start`
    failed: then there is none, even if the thread should still come to run.
    """

    __slots__ = ("_settled", "announced")

    def __init__(self) -> None:
        self._settled: Final[dict[str, Thread | None]] = {}
        self.announced = False  # has `start` returned?

    def settle(self, worker: Thread | None) -> Thread | None:
        """Settle it, unless it is, and give what is settled."""
        return self._settled.setdefault("worker", worker)

    def worker(self) -> Thread | None:
        """Give the thread that handles the records, and settle that there is none unless it is there and runs."""
        worker = self.settle(None)
        return worker if worker is not None and worker.is_alive() else None


def _check_intake(intake: object) -> None:
    """Raise TypeError if it is none. `logging.config` makes a queue where the dictionary names no intake."""
    if not isinstance(intake, Intake):
        package = __name__.removesuffix(".adapters.log")
        made = type(intake).__name__
        raise TypeError(f'records go into an intake, not a {made}: write "queue": {{"()": "{package}.Intake", "capacity": 1000}}')


_made: Final[dict[int, "weakref.ref[RejectingHandler | RejectingListener]"]] = {}  # by id, which is used again: never many


def _note(each: "RejectingHandler | RejectingListener") -> None:
    """Remember one for the last word. Nothing runs at exit in a process that has made none (HOST-1)."""
    if not _made:
        atexit.register(_last_word)
    _made[id(each)] = weakref.ref(each)


def _listeners_then_handlers() -> "list[RejectingHandler | RejectingListener]":
    made = [each for ref in list(_made.values()) if (each := ref()) is not None]
    return sorted(made, key=lambda each: isinstance(each, RejectingHandler))  # those that can write come first


def _catch_up() -> None:
    """At the end of a forked child, say which listeners were not started in it, and let them write. They stay open."""
    join_others()
    made = _listeners_then_handlers()
    served = [id(each.intake) for each in made if isinstance(each, RejectingListener) and each._term.worker() is not None]
    for each in made:
        queued = 0 if id(each.intake) in served else each.intake.statistics().queued
        if queued and isinstance(each, RejectingHandler):
            _made.pop(id(each), None)  # said once
            say(f"{queued} log records of a forked process are lost: no listener was started in it")
        elif queued and isinstance(each, RejectingListener) and not each._stopped:
            say(f"no log listener was started in a forked process: {queued} records are written only now")
            while each.intake.statistics().queued:
                each._goes_on(attempt, 0.0)


def _last_word() -> None:
    """At exit, say which listeners were never started, and let them write. Those that run are stopped by then."""
    made = _listeners_then_handlers()
    _made.clear()  # two threads that make the first at once may have registered this twice
    for each in made:
        read = each.intake.statistics()
        if isinstance(each, RejectingHandler):
            if read.queued:
                say(f"{read.queued} log records are lost: their listener was never started, or stopped before it could write them")
        elif each._term.worker() is None and not each._stopped:
            if read.queued:
                say(f"a log listener was never started: {read.queued} records are written only now, {read.full} were dropped")
            each.stop()
