"""Histories of visits beside a plain model."""

import random
from collections import Counter
from contextlib import suppress
from types import CodeType
from typing import Any, final

from ..check import Result, Settings, Subject
from ..injection import Injector, Interrupt
from ..stops import handler_entries
from .bulkhead_scene import Tally, conclude, interrupted, sweeping
from .support import module_of

# Random histories beside a model. The model is a number: how many are inside.


@final
class History:
    """Drive one bulkhead by chance, and hold each answer to the number of callers inside."""

    def __init__(self, subject: Subject, injector: Injector, seed: int) -> None:
        self.chance = random.Random(seed)
        self.injector = injector
        self.outcome: Any = subject.Outcome
        self.capacity = self.chance.randint(1, 4)
        self.bulkhead: Any = module_of(subject, "bulkhead").Bulkhead(self.capacity)
        self.inside: list[Any] = []
        self.closed = False
        self.told: list[str] = []
        self.tally = Tally()
        self.counts: Counter[str] = Counter()

    def run(self, steps: int) -> None:
        """Take so many steps, and then count the slots."""
        enter, leave = self.enter, self.leave
        moves = (enter, enter, enter, self.interrupted, self.interrupted, leave, leave, self.drop, self.look)
        for _ in range(steps):
            self.chance.choice(moves)()
            if not self.closed and self.chance.random() < 0.01:
                self.close()
            if self.tally.faults:
                return
        while self.inside:
            self.leave()
        if not self.closed:
            for _ in range(self.capacity):
                self.enter()
            self.enter()  # refused, with good reason
            self.inside.clear()
        self.close()
        left = self.bulkhead.drain(timeout=0)
        self.hold(left == 0, f"{left} slots are left when nobody is inside", lost=left)

    def hold(self, truth: bool, what: str, lost: int = 0, over: int = 0, spurious: int = 0) -> None:
        """Count a fault, with the history that led to it."""
        if not truth:
            self.tally.count(" ".join(self.told[-40:]) + f": {what}", lost, over, spurious)

    def entered(self, answer: Any, name: str) -> None:
        """Compare one answer with the model."""
        self.told.append(name)
        if answer:
            self.inside.append(answer)
            self.counts["entered"] += 1
            self.hold(len(self.inside) <= self.capacity, f"{len(self.inside)} inside of {self.capacity}", over=1)
            self.hold(not self.closed, "a caller got inside after close", over=1)
        elif answer is self.outcome.FULL:
            self.counts["refused"] += 1
            self.hold(len(self.inside) == self.capacity, f"FULL with {len(self.inside)} inside of {self.capacity}", lost=1)
        else:
            self.hold(self.closed and answer is self.outcome.CLOSED, f"{answer} while open", spurious=1)

    def enter(self) -> None:
        """Enter, uninterrupted."""
        self.entered(self.bulkhead.enter(), "enter")

    def interrupted(self) -> None:
        """Enter, with an exception at a bytecode, or with none if it is a later one."""
        position = self.chance.randint(1, 220)

        def hook(at: int, code: CodeType, offset: int) -> None:
            if at == position and offset not in handler_entries(code):
                raise Interrupt

        answer = interrupted(self.injector, self.bulkhead.enter, hook)
        if isinstance(answer, Interrupt):
            self.told.append("enter!")
            self.tally.points += 1
        else:
            self.entered(answer, "enter")
        answer = None  # or the traceback and this frame would keep each other

    def leave(self) -> None:
        """End one of the calls inside, by a return or by an exception, and then once more."""
        if self.inside:
            self.told.append("leave")
            lease = self.inside.pop(self.chance.randrange(len(self.inside)))
            with suppress(Interrupt), lease:
                if self.chance.random() < 0.5:
                    raise Interrupt
            self.hold(lease.release() is False, "a slot was given back twice", over=1)

    def drop(self) -> None:
        """Forget a lease."""
        if self.inside:
            self.told.append("drop")
            self.inside.pop()

    def look(self) -> None:
        """Compare statistics with the model."""
        read = self.bulkhead.statistics()
        self.hold(read.in_flight == len(self.inside), f"{read.in_flight} in flight with {len(self.inside)} inside", lost=1)
        self.hold(read.queued <= self.tally.points, f"{read.queued} left behind by {self.tally.points} interrupted entries", lost=1)

    def close(self) -> None:
        """Close it."""
        self.told.append("close")
        self.closed = True
        self.bulkhead.close()
        self.hold(self.bulkhead.statistics().queued == 0, "a slot is still left behind after close", lost=1)


def run_model(subject: Subject, settings: Settings) -> Result:
    histories = {"quick": 400, "full": 4_000}[settings.profile]
    whole, counts, number = Tally(), Counter[str](), 0
    with sweeping(subject) as injector:
        for number in range(1, histories + 1):
            history = History(subject, injector, settings.seed * 1_000_003 + number)
            history.run(40)
            counts += history.counts
            whole.points += history.tally.points
            whole.count("", history.tally.lost, history.tally.over, history.tally.spurious)
            if history.tally.faults:
                whole.witness = f"capacity {history.capacity}: {history.tally.witness}"
                break
    evidence = (
        f"{number} histories: {counts['entered']:,} entered, {counts['refused']:,} refused, {whole.points:,} interrupted: "
        f"{whole.lost} slots lost, {whole.over} too many inside, {whole.spurious} refused with room inside"
    )
    return conclude(whole, evidence)
