"""Run somebody's program under every schedule that matters, and tell what was found."""

import gc
import linecache
import re
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, Self

from ...check import Verdict
from ..explorer import COLLECT_EVERY
from ..processor import one_processor
from ..runs import Diverged
from .engine import HERE, Engine, NotSimulated, Outcome
from .reduce import Reduced

INTERRUPTED: Final = "interrupted"
_LIMIT_OF_LINES: Final = 200


@dataclass(frozen=True)
class Failure:
    """Name a fault: what went wrong, the id that replays its schedule, and its steps as lines of text."""

    message: str
    replay_id: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((self.message, *self.steps, f"replay id: {self.replay_id}"))


@dataclass
class Result:
    """Tell what was explored.

    verdict: ILLEGAL if a fault was found; OK if none was and no schedule was left out; else UNKNOWN, and why_not says why.
    schedules: those run to their end. redundant: those given up, because they turned out to be the like of others. outcomes: how
    often each answer of the program came. failure: the first fault. share: of the choices known so far, how much was done.
    """

    schedules: int = 0
    redundant: int = 0
    exhausted: bool = False
    outcomes: Counter[Hashable] = field(default_factory=Counter[Hashable])
    failure: Failure | None = None
    why_not: str = ""
    share: float = 0.0
    steps: int = 0
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """Give the verdict."""
        if self.failure is not None:
            return Verdict.ILLEGAL
        return Verdict.OK if self.exhausted and self.schedules else Verdict.UNKNOWN

    def __str__(self) -> str:
        rate = self.schedules / max(self.seconds, 1e-9)
        given_up = f" ({self.redundant:,} more given up as redundant)" if self.redundant else ""
        share = f" with {100 * self.share:.0f} % of the choices known so far done" if self.share and not self.failure else ""
        end = "exhausted" if self.exhausted else f"stopped{share}: {self.why_not}"
        how_many = f"{self.schedules:,} schedules{given_up} in {self.seconds:.1f} s, {rate:,.0f} a second"
        return f"{self.verdict.value}: {how_many}, {len(self.outcomes)} outcomes, {end}"


class Search:
    """Search one program. Holds the threads; use as a context manager."""

    def __init__(self, engine: Engine, program: Callable[[], object], progress: Callable[[Result], None] | None = None) -> None:
        self.engine, self.program, self.progress = engine, program, progress
        self._processor = one_processor()
        self._collecting = False
        self._interrupted = False
        self._handler: Any = None

    def __enter__(self) -> Self:
        self._processor.__enter__()
        self._collecting = gc.isenabled()
        gc.disable()  # finalisers of what the collector finds would run at points of its choosing
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def _interrupt(self, number: int, frame: Any) -> None:
        """Let the schedule end first, it is short; a second time, don't."""
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True

    def __exit__(self, *exc_info: object) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
        self.engine.close()
        if self._collecting:
            gc.enable()
        self._processor.__exit__(None, None, None)

    def reduced(self, budget_s: float | None = None, limit: int | None = None, go_on: bool = False) -> Result:
        """Run at least one of every class of schedules that come to the same. go_on: past faults, for the outcomes."""
        search = Reduced()

        def step(result: Result) -> bool:
            prefix = search.prefix()
            run = self.engine.run(self.program, prefix, search.policy)
            if search.blocked_at is None:
                self._judge(result, run)
            else:
                result.redundant += 1
            more = search.learn(run, len(prefix))
            result.share = search.share
            return more

        return self._all(step, budget_s, limit, go_on)

    def unreduced(self, budget_s: float | None = None, limit: int | None = None, go_on: bool = False) -> Result:
        """Run every schedule."""
        todo: list[bytes] = [b""]

        def step(result: Result) -> bool:
            prefix = todo.pop()
            run = self.engine.run(self.program, prefix)
            self._judge(result, run)
            steps = bytes(run.steps)
            for depth in range(len(prefix), len(steps)):
                others = run.enabled[depth] & ~(1 << steps[depth])
                todo.extend(steps[:depth] + bytes((thread,)) for thread in range(others.bit_length()) if others >> thread & 1)
            return bool(todo)

        return self._all(step, budget_s, limit, go_on)

    def _all(self, step: Callable[[Result], bool], budget_s: float | None, limit: int | None, go_on: bool) -> Result:
        result = Result()
        start = time.perf_counter()
        try:
            while True:
                more = step(result)
                result.seconds = time.perf_counter() - start
                if self.progress is not None:
                    self.progress(result)
                if result.failure is not None and not go_on:
                    result.why_not = "a fault was found"
                elif self._interrupted:
                    result.why_not = INTERRUPTED
                elif result.why_not:
                    pass
                elif not more:
                    result.exhausted = True
                elif limit is not None and result.schedules + result.redundant >= limit:
                    result.why_not = f"the limit of {limit:,} schedules"
                elif budget_s is not None and result.seconds >= budget_s:
                    result.why_not = f"the budget of {budget_s:g} s"
                if result.exhausted or result.why_not:
                    break
        except (NotSimulated, Diverged) as error:
            result.why_not = str(error)
        result.seconds = time.perf_counter() - start
        return result

    def _judge(self, result: Result, run: Outcome) -> None:
        result.steps += len(run.steps)
        if run.limited:
            result.why_not = f"a schedule of more than {self.engine.max_steps:,} steps: does a thread spin?"
            return
        result.schedules += 1
        message = fault_of(run)
        result.outcomes[message or _hashable(run.answer)] += 1
        if message and result.failure is None:
            result.failure = self._failure(message, run)
        if not result.schedules % COLLECT_EVERY:
            gc.collect()

    def _failure(self, message: str, run: Outcome) -> Failure:
        """Run the schedule again, writing down where each step was."""
        again = self.replay(run.steps)
        same = fault_of(again).partition("\n")[0] == message.partition("\n")[0]
        note = "" if same else "\n(the same schedule did not show it a second time: the program is not deterministic)"
        return Failure(message + note, encode(run.steps), tuple(steps_of(again)))

    def replay(self, steps: Sequence[int]) -> Outcome:
        """Run one schedule, writing down where each step was."""
        self.engine.logged = True
        try:
            return self.engine.run(self.program, steps)
        finally:
            self.engine.logged = False


def fault_of(run: Outcome) -> str:
    """Name what went wrong in a schedule: exceptions that nobody caught, or a deadlock. "" if nothing did."""
    parts = [_told(name, error) for name, error in run.failures]
    if run.deadlock:
        parts.append(f"deadlock: {run.deadlock}")
    return "; ".join(parts)


def _told(name: str, error: BaseException) -> str:
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith(HERE)]
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    line = f" ({frames[-1].line})" if frames and isinstance(error, AssertionError) and not str(error) else ""
    text = f": {error}" if str(error) else ""
    return f"{name}: {type(error).__name__}{text}{line}{where}"


def _hashable(answer: object) -> Hashable:
    try:
        hash(answer)
    except TypeError:
        return repr(answer)
    return answer


def steps_of(run: Outcome) -> list[str]:
    """Write the steps of a schedule: thread, place, source line, what is touched; one line for all steps of one place."""
    made: list[str] = []
    width = max(map(len, run.threads), default=0)
    for (thread, place), steps in groupby((each for each in run.log if each[1]), lambda each: each[:2]):
        file, _, line = place.rpartition(":")
        text = linecache.getline(file, int(line)).strip() if line.isdigit() else ""
        touched = ", ".join(dict.fromkeys(each[3] for each in steps if each[3]))
        made.append(
            f"  {chr(ord('A') + thread)} {run.threads[thread]:{width}}  {place}  {text}{f'   ({touched})' if touched else ''}"
        )
    left_out = len(made) - _LIMIT_OF_LINES
    return [f"  ... {left_out} more", *made[left_out:]] if left_out > 0 else made


def encode(steps: Sequence[int]) -> str:
    """Write a schedule as a replay id: `3.14:A3B1A2` is three steps of thread A, one of B, two of A, on Python 3.14."""
    runs = "".join(f"{chr(ord('A') + thread)}{sum(1 for _ in group)}" for thread, group in groupby(steps))
    return f"{sys.version_info.major}.{sys.version_info.minor}:{runs}"


def decode(text: str) -> list[int]:
    """Read a replay id. ValueError if it is none, or another version's."""
    found: Any = re.fullmatch(r"(\d+\.\d+):((?:[A-Z]\d+)*)", text.strip())
    if found is None:
        raise ValueError(f"not a replay id: {text!r} (it looks like 3.14:A3B1A2)")
    if found[1] != f"{sys.version_info.major}.{sys.version_info.minor}":
        raise ValueError(f"the replay id {text} is of Python {found[1]}")
    return [ord(letter) - ord("A") for letter, length in re.findall(r"([A-Z])(\d+)", found[2]) for _ in range(int(length))]
