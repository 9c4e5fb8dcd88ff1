"""Raise exceptions in a signal handler while the collector runs, or an intake dies, and count those that the program hears of.

WORDS: what the guest is used for (`none`, `import`, `hold`, `use`). The number of signals is fixed, and the moments are too but
for those of a timer: a C function makes the signal pending before a collection or in the middle of one, so that the first
bytecode after that handles it.
"""

import gc
import operator
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from tidegate_specs.builds import gil_is_on
from tidegate_specs.guest import WORDS, Dropped, Unable, every_module, guest, pending, tell

ROUNDS: Final = 15  # of each way, for each type of exception
TIMED: Final = 8
HEAP: Final = 50_000  # objects, for a collection that takes its time
LONGEST_LOOP: Final = 1_000_000
Way = tuple[Callable[[], object], int]  # and how often
TIMER_S: Final = 0.002


class Arrival(BaseException):
    """Stand for what a time-out handler raises."""


class Program:
    """Be a program with a signal handler that raises, and count: raised by the handler, heard by the program."""

    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind
        self.raised = 0
        self.heard = 0

    def handle(self, _number: int, _frame: object) -> None:
        self.raised += 1
        raise self.kind(f"signal {self.raised}")

    def hear(self, work: Callable[[], object]) -> None:
        """Do something, and go on until a signal's exception was heard or lost."""
        before = self.raised
        try:
            work()
            for _ in range(LONGEST_LOOP):
                if self.raised > before:
                    break
        except self.kind:
            self.heard += 1


class Goodbye:
    """Have a finaliser, which is C code, that makes the signal pending."""


class Garbage(Goodbye):
    """Be garbage: it makes the signal pending in the middle of a collection."""

    def __init__(self) -> None:
        self.me = self


def collect_with_pending(trip: Callable[[], object]) -> None:
    list(map(operator.call, (trip, gc.collect)))


def collect_garbage() -> None:
    Garbage()
    gc.collect()


def allocate(program: Program, step: Callable[[], object]) -> None:
    """Make objects until the collector comes by itself and finds what makes the signal pending."""
    before = program.raised
    kept: list[object] = []
    Garbage()
    for number in range(LONGEST_LOOP):
        kept.append([number])
        step()
        if program.raised > before:
            return


def drop_intake(make: Callable[[], Any]) -> None:
    """Drop an intake with free slots and a queued item whose end makes the signal pending, while the intake is taken apart."""
    intake = make()
    intake.offer(Goodbye())
    del intake


def allocate_under_timer(program: Program, step: Callable[[], object]) -> None:
    """Make objects beside a large heap until a timer's signal has come."""
    before = program.raised
    kept: list[object] = []
    signal.setitimer(signal.ITIMER_REAL, TIMER_S)
    for number in range(LONGEST_LOOP):
        kept.append([[number]])
        step()
        if program.raised > before:
            return
        if len(kept) > HEAP:
            kept.clear()


def nothing() -> None:
    """Stand where the guest is not used."""


def user_of(package: Any) -> Callable[[], object]:
    intake = package.Intake(4)

    def use() -> None:
        intake.offer("item")
        intake.offer("item")
        lease = intake.take(timeout=0)
        lease.item  # noqa: B018 - a look
        lease.release()
        with intake.take(timeout=0):
            pass

    def step() -> None:
        nonlocal intake
        try:
            use()
        except BaseException:
            intake = package.Intake(4)  # what an interrupted call leaves is not this probe's question
            raise

    return step


def ways_of(program: Program, mode: str, step: Callable[[], object], trip: Callable[[], object]) -> dict[str, Way]:
    """Give what the program does when a signal comes, and how often, by name."""
    ways: dict[str, Way] = {
        "pending before a collection": (partial(collect_with_pending, trip), ROUNDS),
        "in the middle of a collection": (collect_garbage, ROUNDS),
        "in one that an allocation starts": (partial(allocate, program, step), ROUNDS),
    }
    if mode in ("hold", "use"):
        ways["while an intake is dropped"] = (partial(drop_intake, partial(guest().Intake, 4)), ROUNDS)
    if not gil_is_on():  # without it the collector comes by itself only when the whole heap has grown
        del ways["in one that an allocation starts"]
    if program.kind is Arrival:
        ways["by a timer, beside a large heap"] = (partial(allocate_under_timer, program, step), TIMED)
    return ways


def probe() -> dict[str, Any]:
    mode = WORDS[0]
    if not hasattr(signal, "setitimer"):
        raise Unable("this system has no timer signal")
    trip = pending(signal.SIGALRM)
    setattr(Goodbye, "__del__", staticmethod(trip))  # noqa: B010 - a finaliser that is no method, and takes nothing
    dropped = Dropped()
    if mode != "none":
        every_module()
    held: list[Any] = [guest().Intake(100)] if mode == "hold" else []
    step = user_of(guest()) if mode == "use" else nothing
    raised = heard = 0
    lost: dict[str, int] = {}
    gc.collect()
    for kind in (Arrival, SystemExit, KeyboardInterrupt, RuntimeError):
        program = Program(kind)
        signal.signal(signal.SIGALRM, program.handle)
        for way, (work, rounds) in ways_of(program, mode, step, trip).items():
            before = program.raised - program.heard
            heap = [[number] for number in range(HEAP if rounds == TIMED else 0)]
            for _ in range(rounds):
                step()
                program.hear(work)
            heap.clear()
            missing = program.raised - program.heard - before
            if missing:
                lost[f"{kind.__name__} {way}"] = missing
        raised += program.raised
        heard += program.heard
    held.clear()
    signal.signal(signal.SIGALRM, signal.SIG_IGN)  # what garbage is left must not end the process when that does
    expected = 4 * (2 + gil_is_on() + (mode in ("hold", "use"))) * ROUNDS + TIMED
    return {
        "expected": expected,
        "raised": raised,
        "heard": heard,
        "lost": lost,
        "dropped": dropped.count,
        "ours": dropped.ours,
        "first": dropped.first,
        "python": sys.version.split()[0],
    }


if __name__ == "__main__":
    tell(probe)
