"""What a schedule costs, and where the time goes: `tidegate explore --cost`."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .accesses import Site
from .explorer import Explorer
from .program import Limits, Program

ROUNDS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Tell what one schedule costs on average, in microseconds.

    total: all of it. alone: the same calls in one thread, unwatched. judging: looking at the answers and at what is left. handing:
    the baton's passing between threads, `handed` times at `hand_us` each, as two bare locks take for it in the same run. The rest
    is watching the opcodes and choosing at `steps` points.
    """

    schedules: int
    steps: float
    handed: float
    hand_us: float
    total_us: float
    alone_us: float
    judging_us: float

    @property
    def handing_us(self) -> float:
        """Give what passing the baton costs in a schedule."""
        return self.handed * self.hand_us

    @property
    def watching_us(self) -> float:
        """Give what is left."""
        return max(0.0, self.total_us - self.alone_us - self.judging_us - self.handing_us)

    def table(self) -> str:
        """Show it as a table, and the cost of a switch."""
        rows = (
            ("the program's own calls", self.alone_us),
            (f"passing the baton ({self.handed:.1f} times, {self.hand_us:.1f} us each)", self.handing_us),
            (f"watching opcodes, choosing at {self.steps:.1f} points", self.watching_us),
            ("judging the run", self.judging_us),
        )
        lines = [f"{text:52} {us:7.0f} us {us / self.total_us:5.0%}" for text, us in rows]
        lines.append(f"{'one schedule':52} {self.total_us:7.0f} us, {1e6 / self.total_us:,.0f} a second ({self.schedules:,} run)")
        switch = self.hand_us + self.watching_us / max(self.steps, 1.0)
        lines.append(f"{'one switch of threads, with the choice':52} {switch:7.1f} us")
        return "\n".join(lines)


class _Unwatched:
    """Watch nothing."""

    def aim(self, sites: frozenset[Site]) -> None:
        """Leave it."""

    def begin(self) -> None:
        """Do nothing."""

    end = stop = begin


def cost_of(program: Program, bound: int = 2, limit: int = 20_000) -> Cost:
    """Explore a program at shared accesses, and take its time apart."""
    with Explorer(program) as explorer:
        hand_us = _hand_us()
        points = explorer.learn()
        explorer.depth_first("access", bound, Limits(limit), points)  # so that no history is new to the judge
        report = explorer.depth_first("access", bound, Limits(limit), points)
        judging_us = _us_of_judging(explorer)
        explorer.scheduler.watch.stop()
        explorer.scheduler.watch = _Unwatched()
        alone_us = _us_each(explorer.run) - explorer.run()[0].handed * hand_us
    n = report.schedules
    return Cost(n, report.steps / n, report.handed / n, hand_us, report.seconds / n * 1e6, max(0.0, alone_us), judging_us)


def _us_each(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(ROUNDS):
        call()
    return (time.perf_counter() - start) / ROUNDS * 1e6


def _us_of_judging(explorer: Explorer) -> float:
    program = explorer.program
    runs = [explorer.run()[1:] for _ in range(ROUNDS)]

    def judge() -> None:
        shared, history = runs.pop()
        program.check(shared, history)
        program.outcome(shared, history)

    return _us_each(judge)


def _hand_us() -> float:
    """Measure how long two bare threads take to wake one another with locks, each way."""
    mine, theirs = threading.Lock(), threading.Lock()
    mine.acquire()
    theirs.acquire()

    def answer() -> None:
        for _ in range(ROUNDS):
            theirs.acquire()
            mine.release()

    def call() -> None:
        theirs.release()
        mine.acquire()

    other = threading.Thread(target=answer, daemon=True)
    other.start()
    each = _us_each(call)
    other.join()
    return each / 2
