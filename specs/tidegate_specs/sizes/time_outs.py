"""Hold long time-outs to their time without waiting for it: the kernel's clock is set forward while it waits, and it is woken.

Whoever waits in `take` or `drain` looks at the clock again each time it wakes for nothing. So a wake-up shortly before its time, by
the clock that was set, shows that it neither ends early nor begins to count anew.
"""

import random
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from threading import TIMEOUT_MAX
from types import ModuleType
from typing import Any, Final, cast, final

from ..check import Settings, Subject
from ..explore.judging import modules_of
from ..progress import progress
from .common import NotTried, demand, told
from .takers import LIMIT_S, Waiter, asleep

TIMES: Final = (1.5, 2, 10.25, 59.999, 61, 600.5, 3599, 3601, 86_400, 86_401, 1e6, 2**31 / 1000 + 1, 2**32 / 1000 + 1, 2**31, 2**32)
SHORT: Final = (0, 0.0, -0.0, 5e-324, 1e-9, 0.001)
LONGEST: Final = min(TIMEOUT_MAX - 1, 2**53 / 1e6)  # beyond it a float counts seconds too coarsely
DRAWN: Final = 3
BEFORE_S: Final = 0.02  # so long before its time it is woken
COARSE_S: Final = 0.001  # of the clocks, and of sums of long times and short ones


@final
class Clock:
    """Tell the time as `time.monotonic` does, and more, once it is set forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.read = threading.Event()  # somebody has asked

    def __call__(self) -> float:
        now_s = time.monotonic() + self.ahead_s
        self.read.set()
        return now_s


@contextmanager
def clock_of(subject: Subject) -> Generator[Clock]:
    """Have the subject's modules read another clock."""
    clock = Clock()
    found: list[ModuleType] = [module for module in modules_of(subject) if vars(module).get("monotonic") is time.monotonic]
    if not found:
        raise NotTried("no module of the implementation reads time.monotonic under this name: its clock can't be set")
    for module in found:
        vars(module)["monotonic"] = clock
    try:
        yield clock
    finally:
        for module in found:
            vars(module)["monotonic"] = time.monotonic


def set_forward(subject: Subject, chance: random.Random, settings: Settings) -> str:
    """Try each long time-out with a take and a drain."""
    del settings
    drawn = [round(2 ** chance.uniform(1, 30), 3) for _ in range(DRAWN)]
    waits = 0
    with clock_of(subject) as clock:
        for timeout in SHORT:
            _short(subject, timeout)
        for timeout in (*TIMES, *drawn, LONGEST):
            for name in ("take", "drain"):
                progress(f"{name} with a time-out of {timeout:,} s")
                _one(subject, name, timeout, clock)
                waits += 1
    return f"{waits} waits of {min(TIMES)} s to {LONGEST / 86_400 / 365:,.0f} years"


def _short(subject: Subject, timeout: float) -> None:
    """Take with next to no time: what is there, or Empty, or Closed."""
    intake = subject.Intake(1)
    answers: list[object] = []
    for prepare in (bool, partial(intake.offer, "a"), bool, intake.close):
        prepare()
        try:
            with intake.take(timeout) as item:
                answers.append(item)
        except Exception as error:  # noqa: BLE001 - whatever ended the call is its answer
            answers.append(type(error))
    right = [subject.Empty, "a", subject.Empty, subject.Closed]
    demand(answers == right, "LOCAL-1 CLOSE-2", lambda: f"take(timeout={timeout!r}) is answered {', '.join(map(told, answers))}")


def _one(subject: Subject, name: str, timeout: float, clock: Clock) -> None:
    intake = subject.Intake(2)
    intake.offer("a")
    intake.offer("b")
    leases = [intake.take(timeout=0), intake.take(timeout=0)]
    intake.close()
    clock.ahead_s = 0.0
    began_s = clock()
    clock.read.clear()
    waiter = Waiter(partial(_ended, getattr(intake, name), timeout, clock))
    slept = clock.read.wait(LIMIT_S) and asleep([waiter])  # it has noted when its time will be over, and waits
    if slept:
        clock.ahead_s = timeout - BEFORE_S
        _ = leases[0].item  # which wakes a taker: this item can't come back, but the other still can
        leases[0].release()  # and a drain: one is left
    waiter.thread.join(LIMIT_S)
    what = f"{name}(timeout={timeout!r})"
    alive = waiter.thread.is_alive()
    answer, at_s = (None, 0.0) if alive else cast(tuple[Any, float], waiter.answer)
    _ = leases[1].item  # now nothing more can come
    leases[1].release()
    waiter.thread.join(LIMIT_S)
    demand(not alive, "CLOSE-2", lambda: f"{what}, woken {BEFORE_S} s before its time, had not ended {LIMIT_S:g} s after it")
    right = subject.Empty if name == "take" else 1
    took_s = at_s - began_s
    coarse_s = COARSE_S + timeout * sys.float_info.epsilon * 4
    demand(
        bool(slept) and answer == right and took_s >= timeout - coarse_s,
        "CLOSE-2" if name == "drain" else "LOCAL-1 CLOSE-2",
        lambda: (
            f"{what} ended with {told(answer)} after {took_s:.3f} s, {'' if slept else 'and was never seen to wait, '}"
            f"with one item held that may come back"
        ),
    )


def _ended(call: Callable[[float], Any], timeout: float, clock: Clock) -> tuple[Any, float]:
    try:
        answer = call(timeout)
    except Exception as error:  # noqa: BLE001 - whatever ended the call is its answer
        answer = type(error)
    return answer, clock()
