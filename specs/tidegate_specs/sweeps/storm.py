"""Let real asynchronous exceptions rain on a working loop: a timer's signal, and `PyThreadState_SetAsyncExc` from another thread.

They arrive where the interpreter lets them, at moments nobody chose. One at a time: the loop must be in its stride again before the
next is allowed, so that each hits an intake that has recovered from the last.
"""

import ctypes
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, final

from ..check import Subject
from ..child import in_child
from ..injection import Interrupt, quiet_finalisers
from .audits import take_all

Way = Literal["signal", "thread"]
INTERVAL_S: Final = 0.0003
SPREAD_S: Final = 0.0004
CAPACITY: Final = 3


@final
@dataclass(slots=True)
class StormTally:
    """Count exceptions that arrived, those of them that ended a finaliser only, and what was lost."""

    deliveries: int = 0
    swallowed: int = 0
    slots_lost: int = 0
    minted: int = 0
    items_lost: int = 0
    items_doubled: int = 0
    problem: str = ""
    witness: str = ""


@final
@dataclass(slots=True)
class _Loop:
    """Offer, take and release on one intake until enough exceptions have arrived, keeping books of its own.

    armed: whether an exception may be raised now; whoever raises one takes the leave away.
    """

    subject: Subject
    wanted: int
    armed: bool = False
    deliveries: int = 0
    swallowed: int = 0
    accepted: int = 0
    number: int = 0
    maybe: int = -1  # the number whose offer, or whose sight, was interrupted
    phase: str = ""
    pending: set[int] = field(default_factory=set[int])
    doubled: int = 0
    lost: int = 0
    bad_slots: int = 0
    minted: int = 0
    witness: str = ""

    def run(self) -> None:
        intake = self.subject.Intake(CAPACITY)
        while self.deliveries < self.wanted:
            try:
                self._work(intake)
            except Interrupt:
                self.deliveries += 1
            self._settle(intake)

    def _work(self, intake: Any) -> None:
        """Go through all operations until interrupted."""
        outcome, empty = self.subject.Outcome, self.subject.Empty
        while True:
            self.armed = True
            for _ in range(CAPACITY + 1):
                self.number += 1
                self.phase = "offer"
                if intake.offer(self.number) is outcome.ACCEPTED:
                    self.pending.add(self.number)
                self.phase = ""
            intake.statistics()
            try:
                lease = intake.take(timeout=0)  # dropped unseen: it goes back
                lease = None
                while True:
                    lease = intake.take(timeout=0)
                    self.phase = "look"
                    item = lease.item
                    self._came(item)
                    self.phase = ""
                    lease.release()
                    lease = None
            except empty:
                pass

    def _came(self, item: int) -> None:
        self.maybe = item
        self.pending.discard(item)

    def _settle(self, intake: Any) -> None:
        """After an exception: empty the intake, compare with the books, count the slots."""
        self.armed = False
        leases = take_all(self.subject, intake)
        items = [lease.item for lease in leases]
        for lease in leases:
            lease.release()
        leases.clear()
        left = self.pending.difference(items)
        uncertain = self.phase == "look"  # it may have been seen, and given up with the lease that was dropped
        self.doubled += len(items) - len(set(items))
        self.doubled += sum(item not in self.pending and item not in (self.number, self.maybe) for item in items)
        self.lost += max(0, len(left) - uncertain)
        if len(left) > uncertain and not self.witness:
            self.witness = f"exception {self.deliveries}: accepted items {sorted(left)} never came out"
        self.pending.clear()
        self.phase = ""
        slots = [intake.offer(("slot", number)) for number in range(CAPACITY + 1)].count(self.subject.Outcome.ACCEPTED)
        for lease in take_all(self.subject, intake):
            lease.release()
        if slots != CAPACITY:
            self.bad_slots += slots < CAPACITY
            self.minted += slots > CAPACITY
            self.witness = self.witness or f"exception {self.deliveries}: {slots} of {CAPACITY} slots can be used"


def storm(subject: Subject, way: Way, deliveries: int, seed: int = 0, limit_s: float = 60.0) -> StormTally:
    """Have a child process go through the operations while exceptions arrive, until so many have."""
    found = in_child(partial(_in_child, subject, way, deliveries, seed, limit_s), limit_s + 10)
    if "died" in found:
        return StormTally(problem=found["died"])
    return StormTally(**found)


def _in_child(subject: Subject, way: Way, deliveries: int, seed: int, limit_s: float) -> dict[str, Any]:
    sys.setswitchinterval(1e-5)
    loop = _Loop(subject, deliveries)
    with quiet_finalisers() as unraisable:
        problem = _by_signal(loop) if way == "signal" else _by_thread(loop, seed, limit_s)
        swallowed = sum(name == Interrupt.__name__ for name in unraisable.names)
    return {
        "deliveries": loop.deliveries + swallowed,
        "swallowed": swallowed,
        "slots_lost": loop.bad_slots,
        "minted": loop.minted,
        "items_lost": loop.lost,
        "items_doubled": loop.doubled,
        "problem": problem,
        "witness": loop.witness,
    }


def _by_signal(loop: _Loop) -> str:
    def handle(*_: Any) -> None:
        if loop.armed:
            loop.armed = False
            raise Interrupt

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL_S, INTERVAL_S)
    try:
        loop.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return ""


def _by_thread(loop: _Loop, seed: int, limit_s: float) -> str:
    """Raise into a thread of the child's from its main thread, which only ever does so with the thread's leave."""
    ended = threading.Event()
    errors: list[str] = []

    def run() -> None:
        try:
            loop.run()
        except BaseException as error:  # noqa: BLE001 - told to the parent
            errors.append(f"{type(error).__name__}: {error}")
        ended.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    chance = random.Random(seed)
    deadline_s = time.monotonic() + limit_s
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    while not ended.is_set():
        if time.monotonic() > deadline_s:
            return f"the loop was still running after {limit_s:g} s"
        time.sleep(chance.random() * SPREAD_S)
        if loop.armed:
            loop.armed = False
            raise_in(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Interrupt))
    return errors[0] if errors else ""
