"""Scenarios 6 to 8: hooks that raise, clocks that jump, a hand-off that refuses."""

import gc
import logging
import os
import sys
import time
import warnings
import weakref
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace
from unittest.mock import patch

from ..injection import quiet_finalisers
from .counts import as_new, conserved, recount
from .jobs import expect
from .run import Run, scenario


class _Hostile(Exception):
    """Raised by every hook."""


def _raise(*_: object, **__: object) -> None:
    raise _Hostile


class _Raiser:
    """An item whose finaliser raises, as long as the fuse is there."""

    def __init__(self, fuse: list[bool]) -> None:
        self.fuse = fuse

    def __del__(self) -> None:
        if self.fuse:
            raise _Hostile


class _RaisingHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise _Hostile(record)


@contextmanager
def _raising_hooks() -> Generator[list[bool], None, None]:
    """Make whatever the interpreter or a library could call on the way raise: handlers, writers, filters, callbacks.

    Gives the fuse for items whose finalisers raise.
    """
    fuse = [True]
    root, handler = logging.getLogger(), _RaisingHandler()
    level, writer = root.level, SimpleNamespace(write=_raise, flush=_raise)
    with ExitStack() as stack:
        stack.callback(root.setLevel, level)
        stack.callback(root.removeHandler, handler)
        stack.callback(gc.callbacks.remove, _raise)
        stack.enter_context(patch.object(sys, "stdout", writer))
        stack.enter_context(patch.object(sys, "stderr", writer))
        stack.enter_context(patch.object(warnings, "showwarning", _raise))
        root.addHandler(handler)
        root.setLevel(logging.NOTSET)
        gc.callbacks.append(_raise)
        try:
            yield fuse
        finally:
            fuse.clear()


@scenario(
    6,
    "QUIET-1 EXPLICIT-1 BOUND-2",
    "a listener that raised changed the outcome in resilience4j",
    "Given log handlers, warnings, writers, collector callbacks, weak-reference callbacks and finalisers of items that all raise: "
    "every answer is what it would have been, and every slot is conserved.",
    "A hook that waits instead of raising: see scenario 20.",
)
def raising_hooks(run: Run) -> str:
    outcome = run.subject.Outcome
    with quiet_finalisers() as unraisable, _raising_hooks() as fuse:
        intake = run.intake(2)
        answers = [intake.offer(_Raiser(fuse)) for _ in range(4)]
        unseen = intake.take(timeout=0)
        del unseen
        _ = intake.take(timeout=0).item
        lease = intake.take(timeout=0)
        callback = weakref.ref(lease.item, _raise)
        gc.collect()
        released = lease.release()
        intake.close()
        answers.append(intake.offer(_Raiser(fuse)))
        unfinished = intake.drain(timeout=0)
        statistics = intake.statistics()
        del _, lease, intake
    wanted = [outcome.ACCEPTED, outcome.ACCEPTED, outcome.FULL, outcome.FULL, outcome.CLOSED]
    expect(answers == wanted, "QUIET-1 EXPLICIT-1", f"with hooks that raise the answers are {answers}")
    expect(released is True and callback() is None, "QUIET-1 BOUND-2", "with hooks that raise a release was not one")
    expect(unfinished == 0, "BOUND-2", f"with hooks that raise {unfinished} slots never came home")
    conserved(statistics, 2, "with hooks that raise")
    return f"{len(answers)} answers, {len(unraisable.names)} exceptions in hooks"


class _Clock:
    """A clock in place of the ones the subject reads: a step for each reading."""

    def __init__(self, step_s: float) -> None:
        self.now_s, self.step_s = 1000.0, step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s

    def in_ns(self) -> int:
        return int(self() * 1e9)


_CLOCKS_S = ("monotonic", "time", "perf_counter")


@contextmanager
def _clocked(run: Run, clock: _Clock) -> Generator[int, None, None]:
    """Replace the clocks that the subject's modules have bound, directly or through the `time` module. Gives how many."""
    named = dict.fromkeys(_CLOCKS_S, clock) | {f"{name}_ns": clock.in_ns for name in _CLOCKS_S}
    fake = {getattr(time, name): new for name, new in named.items()}
    proxy = SimpleNamespace(**(vars(time) | named))
    with ExitStack() as stack:
        replaced = 0
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if file and any(file == at or (at.endswith(os.sep) and file.startswith(at)) for at in run.files):
                for name, value in list(vars(module).items()):
                    new = proxy if value is time else fake.get(value) if callable(value) and value in fake else None
                    if new is not None:
                        stack.enter_context(patch.object(module, name, new))
                        replaced += 1
        yield replaced


@scenario(
    7,
    "LEASE-1 CLOSE-2 RECOVER-1",
    "a round trip of zero or less was never released in Netflix's concurrency-limits with Vegas",
    "Given a clock that stands still, runs backwards or leaps, every release happens; and unless it runs backwards, waits end.",
    "A clock of the C library's that misbehaves inside a wait: only readings made in Python are replaced.",
)
def odd_clocks(run: Run) -> str:
    clocks = 0
    for step_s in (0.0, -60.0, 1e6):
        where = f"the clock moves {step_s:+g} s a reading"
        with _clocked(run, _Clock(step_s)) as replaced:
            clocks += replaced
            intake = run.intake(3)
            for number in range(3):
                intake.offer(number)
            leases = [intake.take(timeout=1) for _ in range(3)]
            _ = leases[1].item
            for lease in leases[:2]:
                expect(lease.release() is True, "LEASE-1", f"{where}: a release was not one")
            recount(intake, where, free=2, queued=0, in_flight=1, released=2)
            with suppress(run.subject.Empty):
                intake.take(timeout=0.01)
                expect(False, "LOCAL-1", f"{where}: a take from an empty intake gave a lease")
            if step_s >= 0:
                left = intake.drain(timeout=0.01)
                expect(left == 1, "CLOSE-2", f"{where}: a drain with one lease held answered {left}")
            expect(leases[2].release() is True, "LEASE-1", f"{where}: a release was not one")
            expect(intake.drain(timeout=1) == 0, "CLOSE-2", f"{where}: a drain of a finished intake did not answer 0")
    return f"3 kinds of clock, {clocks // 3} of the subject's replaced"


@scenario(
    8,
    "LEASE-1 BOUND-2",
    "a hand-off that refused kept the permit in Netflix's concurrency-limits #190",
    "Given an executor behind the intake that refuses the work, the slot is given back.",
    "A hand-off inside the kernel that fails: see scenario 18.",
)
def refusing_hand_off(run: Run) -> str:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    intake = run.intake(2)
    for number in range(100):
        intake.offer(number)
        refused = False
        try:
            if number % 2:
                with intake.take(timeout=0) as item:
                    executor.submit(print, item)
            else:
                executor.submit(print, intake.take(timeout=0).item)
        except RuntimeError:
            refused = True
        expect(refused, "LEASE-1", "the executor's refusal was swallowed")
        recount(intake, f"hand-off {number}", free=2, queued=0, in_flight=0, accepted=number + 1)
    recount(intake, "after all hand-offs", released=50, abandoned=50)
    as_new(run, intake, "after all hand-offs")
    return "100 refused hand-offs, 50 in a with block"
