"""Let an exception come out of every call into C that waits, with nothing taken: a place that no instruction shows (INTERRUPT-1).

`SimpleQueue.get` looks for signals while it waits, and what their handlers raise comes out of it in place of an item;
what another thread scheduled comes out with it. It takes an item only when it returns one.

By itself the sweep is simulated: in the subject's modules `SimpleQueue` is one whose `get` raises where the C one may wait, so each
call that may wait is a point, whether there is something in the queue (it came just then) or not. Then the same for real: a thread
really waits, a signal's handler raises in it, or another thread schedules an exception for it.
"""

import ctypes
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import partial
from types import FrameType
from typing import Any, Final, final

from ..check import Subject
from ..injection import Interrupt, files_of, is_in, quiet_finalisers
from ..progress import progress
from ..stand_ins import TimeIsOver
from .audits import audit
from .interrupt import tell
from .operations import FOREIGN, Kind, Stage
from .party import ENDED, PATIENCE_S, Party, asleep_in
from .waiting import LATE, SITUATIONS, Wait

CALLS: Final = 20  # more than any operation makes that may wait, before one of them would
REAL: Final = hasattr(signal, "pthread_kill") and hasattr(signal, "SIGUSR1")


@final
@dataclass(slots=True)
class WaitsTally:
    """Count exceptions out of a wait and what they broke.

    points: simulated. real: of a thread that really waited. prompt: of those that another thread scheduled, how many came out of
    the wait itself. swallowed: exceptions that did not reach the caller. asleep: others whose wait should have ended and did not.
    unmet: waits that were never reached.
    """

    points: int = 0
    situations: int = 0
    real: int = 0
    prompt: int = 0
    swallowed: int = 0
    slots_lost: int = 0
    minted: int = 0
    items_lost: int = 0
    items_doubled: int = 0
    books: int = 0
    asleep: int = 0
    unmet: int = 0
    witness: str = ""

    def note(self, text: str) -> None:
        """Keep the first account of a fault."""
        self.witness = self.witness or text

    def add(self, other: "WaitsTally") -> None:
        """Count what another has counted, too."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            setattr(self, each.name, mine or theirs if each.name == "witness" else mine + theirs)


class WentOn(BaseException):
    """End a call that took an exception for nothing, and would wait again, for ever."""


@final
class Cut:
    """Raise out of the nth call that may wait, of those that one thread makes.

    waited: that call would have waited. reached: there was one.
    """

    def __init__(self, number: int, kind: Kind = Interrupt) -> None:
        self.left, self.thread, self.kind = number, threading.get_ident(), kind
        self.armed = self.reached = self.waited = self.over = False

    def before(self, source: Any, block: bool, timeout: float | None) -> None:
        """Raise, if this is the call."""
        if self.over or not block or timeout == 0 or threading.get_ident() != self.thread:
            return
        if self.reached and source.empty():
            raise WentOn
        if not self.armed:
            return
        self.left -= 1
        if self.left <= 0:
            self.armed, self.reached, self.waited = False, True, source.empty()
            raise self.kind(FOREIGN)


@contextmanager
def cutting(subject: Subject, cut: Cut) -> Generator[None]:
    """Give the subject's modules a `SimpleQueue` that asks `cut` before it waits: for the intakes that are made meanwhile."""

    class Queue(queue.SimpleQueue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            cut.before(self, block, timeout)
            try:
                return super().get(block, timeout)
            except queue.Empty:
                raise TimeIsOver from None

    files = files_of(subject)
    modules = [module for module in list(sys.modules.values()) if _lives_in(module, files)]
    replaced = [module for module in modules if vars(module).get("SimpleQueue") is queue.SimpleQueue]
    for module in replaced:
        vars(module)["SimpleQueue"] = Queue
    try:
        yield
    finally:
        for module in replaced:
            vars(module)["SimpleQueue"] = queue.SimpleQueue


def _lives_in(module: Any, files: tuple[str, ...]) -> bool:
    name = getattr(module, "__file__", None) or ""
    return any(name == file or name.startswith(file) for file in files)


def waits(subject: Subject, kind: Kind = Interrupt) -> WaitsTally:
    """Raise out of each call that may wait, simulated, and then out of each situation's wait, for real. kind: what is raised."""
    tally = WaitsTally()
    with quiet_finalisers():
        for name, prepare in (SITUATIONS | LATE).items():
            progress(f"out of the wait: {name}, {tally.points} points so far")
            tally.situations += 1
            number = 1
            while _simulated(subject, name, prepare, number, tally, kind) and number < (CALLS if name in SITUATIONS else 1):
                number += 1
            for way in WAYS if _can(subject) and name in SITUATIONS else ():
                _really(subject, f"{name}, {way}", WAYS[way], prepare, tally, kind)
    return tally


def _can(subject: Subject) -> bool:
    """Tell whether a real wait can be interrupted here: signals' handlers run in the main thread only."""
    del subject
    return REAL and threading.current_thread() is threading.main_thread()


def _simulated(subject: Subject, name: str, prepare: Callable[[Subject], Wait], number: int, tally: WaitsTally, kind: Kind) -> bool:
    """Raise out of one call; false when it was one that would have waited, and so the last."""
    cut = Cut(number, kind)
    with cutting(subject, cut):
        wait = prepare(subject)
        others = [_begun(call) for call in wait.others]
        cut.armed = True
        try:
            answer = _ended(wait.stage.call, kind)
        finally:
            cut.armed, cut.over = False, True
    if not cut.reached:
        tally.unmet += 1
        tally.note(f"{name}: its call {number} that may wait was never made")
        _dismiss(others, wait, tally, name)
        return False
    tally.points += 1
    _judge(subject, f"{name}, out of call {number} that may wait", wait, answer, others, tally, kind)
    return not cut.waited


def _ended(call: Callable[[], Any], kind: Kind) -> Any:
    """Make a call; give its answer, or the type of what ended it, if it was raised from outside; else its text.

    An exception of the implementation's own says why. One that another thread scheduled has no arguments, as only its type is told.
    A StopIteration may come out as the cause of a RuntimeError: an iterator or a generator would end by it.
    """
    try:
        return call()
    except (Exception, WentOn, kind) as error:  # noqa: BLE001 - the implementation's own answers, and ours
        wrapped = issubclass(kind, StopIteration) and isinstance(error, RuntimeError)
        raised = (error.__cause__ or error) if wrapped else error
        return kind if type(raised) is kind and raised.args in ((), (FOREIGN,)) else f"{type(error).__name__}: {error}"


def _begun(call: Callable[[], Any]) -> Party:
    party = Party()
    party.start(call)
    party.settle()
    return party


def _judge(
    subject: Subject, where: str, wait: Wait, answer: Any, others: list[Party], tally: WaitsTally, kind: Kind, woken: bool = False
) -> None:
    """See that the exception reached the caller, that the others' wait ends when it should, and that nothing is lost."""
    if answer is not kind:
        tally.swallowed += 1
        raised = "" if kind is Interrupt else f", {kind.__name__},"
        tally.note(
            f"{where}: the exception{raised} did not reach the caller, who was answered {getattr(answer, '__name__', answer)}"
        )
    out = _finish(answer)
    answer = None
    ours = wait.offers if others else []
    if others and not woken:
        wait.ends()
    out += _dismiss(others, wait, tally, where)
    _count(subject, wait.stage, out, ours, where, tally)


def _finish(answer: Any) -> list[Any]:
    """Take the item out of a lease that a call was answered with, and release it."""
    if not hasattr(answer, "release"):
        return []
    item = answer.item
    answer.release()
    return [item]


def _dismiss(others: list[Party], wait: Wait, tally: WaitsTally, where: str) -> list[Any]:
    """Collect what others got, whose wait must have ended."""
    out: list[Any] = []
    for party in others:
        if party.wait(confirm_s=1.0) != ENDED:
            tally.asleep += 1
            tally.note(f"{where}: another one that waited did not wake")
            wait.stage.intake.close()
            party.wait(confirm_s=1.0)
        out += _finish(party.answer())
        party.dismiss()
    return out


def _count(subject: Subject, stage: Stage, out: list[Any], ours: list[Any], where: str, tally: WaitsTally) -> None:
    found = audit(subject, stage, out, ours)
    tally.slots_lost += found.slots < found.capacity
    tally.minted += found.slots > found.capacity
    tally.items_lost += found.lost
    tally.items_doubled += found.doubled
    tally.books += bool(found.books)
    if (found.slots, found.lost, found.doubled, found.books) != (found.capacity, 0, 0, ""):
        tally.note(f"{where}: {tell(found)}")


# For real.


@final
@dataclass(slots=True)
class Real:
    """A wait of the main thread, which another thread disturbs. answered: the call ended. woken: it was ended from outside.

    met: the thread was seen to wait.
    """

    wait: Wait
    files: tuple[str, ...]
    kind: Kind = Interrupt
    thread: threading.Thread = field(default_factory=threading.current_thread)
    answered: bool = False
    woken: bool = False
    met: bool = False

    def disturb(self, way: "Callable[[Real], None]") -> None:
        """Disturb it, once it waits."""
        self.met = self.waits(3)
        if self.met:
            way(self)
        else:
            self.wake()

    def waits(self, looks: int) -> bool:
        """Tell whether it sleeps in the implementation."""
        return asleep_in(self.thread, looks, lambda frame: is_in(frame.f_code, self.files), lambda: self.answered)

    def wake(self) -> None:
        """End the wait as it would end by itself."""
        self.woken = True
        self.wait.ends()

    def schedule(self) -> None:
        """Have an exception raised in the thread, when it next looks."""
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread.ident or 0), ctypes.py_object(self.kind))


def _by_signal(real: Real) -> None:
    """Send a signal, whose handler raises."""
    signal.pthread_kill(real.thread.ident or 0, signal.SIGUSR1)


def _by_thread(real: Real) -> None:
    """Schedule an exception: it is raised once the waiter wakes, with what it was given in its hands."""
    real.schedule()
    real.wake()


def _by_both(real: Real) -> None:
    """Schedule an exception, and send a signal: its handler is Python code, where the exception is raised, out of the wait."""
    real.schedule()
    signal.pthread_kill(real.thread.ident or 0, signal.SIGUSR2)
    if real.waits(50):
        real.wake()


WAYS: Final[dict[str, Callable[[Real], None]]] = {
    "a signal's handler raises": _by_signal,
    "another thread schedules an exception": _by_thread,
    "that, and a signal": _by_both,
}


def _raise(kind: Kind, _number: int, _frame: FrameType | None) -> None:
    raise kind(FOREIGN)


def _return(_number: int, _frame: FrameType | None) -> None:
    pass


@contextmanager
def _handlers(kind: Kind) -> Generator[None]:
    """Have SIGUSR1's handler raise, and SIGUSR2's do nothing."""
    before = {signal.SIGUSR1: signal.getsignal(signal.SIGUSR1), signal.SIGUSR2: signal.getsignal(signal.SIGUSR2)}
    signal.signal(signal.SIGUSR1, partial(_raise, kind))
    signal.signal(signal.SIGUSR2, _return)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _really(
    subject: Subject,
    where: str,
    way: Callable[[Real], None],
    prepare: Callable[[Subject], Wait],
    tally: WaitsTally,
    kind: Kind,
) -> None:
    """Wait in this thread, the main one, and let another end that."""
    real = Real(prepare(subject), files_of(subject), kind)
    if real.wait.others and way is not _by_signal:
        return  # what ends the wait might end another's
    wait, helper = real.wait, Party()
    others = [_begun(call) for call in wait.others]
    with _handlers(kind):
        helper.start(partial(real.disturb, way))
        answer = _ended(wait.stage.call, kind)
        real.answered = True
        helper.wait(confirm_s=2 * PATIENCE_S)
    helper.dismiss()
    if not real.met:
        tally.unmet += 1
        tally.note(f"{where}: this thread was never seen to wait")
    tally.real += 1
    tally.prompt += way is _by_both and not real.woken
    if real.woken:
        wait.stage.must.extend(wait.offers)
        wait.offers = []
    _judge(subject, where, wait, answer, others, tally, kind, real.woken)
