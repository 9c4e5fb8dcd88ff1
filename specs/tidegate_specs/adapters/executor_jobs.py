"""Works for an executor that is judged, and what must be true when it has ended."""

import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final, final

from ..check import Result, Verdict
from .clauses import executor_1, executor_2, executor_3
from .support import by_the_living

LIMIT_S: Final = 5.0  # for what takes no time at all unless something is lost


submitting: Final[ContextVar[int | None]] = ContextVar("submitting", default=None)


class Failure(BaseException):
    """What works fail with: not even an Exception."""


@final
@dataclass(slots=True)
class Tally:
    """Count what the predicates of the clauses ask for."""

    capacity: int = 0
    waited: int = 0
    peak: int = 0
    spurious: int = 0
    held: int = 0
    lost: int = 0
    unended: int = 0
    doubled: int = 0
    points: int = 0
    steps: int = 0
    witness: str = ""

    def note(self, text: str) -> None:
        """Keep the first account of a fault."""
        self.witness = self.witness or text

    def broken(self) -> tuple[str, ...]:
        """Name the clauses that do not hold."""
        verdicts = {
            "EXECUTOR-1": executor_1(self.waited, self.peak, self.capacity, self.spurious),
            "EXECUTOR-2": executor_2(self.held, self.lost),
            "EXECUTOR-3": executor_3(self.unended, self.doubled),
        }
        return tuple(clause for clause, holds in verdicts.items() if not holds)

    def judge(self, evidence: str) -> Result:
        """Turn the counts into a verdict."""
        broken = self.broken()
        if not broken and not self.witness:
            return Result(Verdict.OK, evidence)
        return by_the_living(Result(Verdict.ILLEGAL, evidence, self.witness or str(self), broken))


@final
class Job:
    """A work that tells `started` its name, and ends as its gate tells it: by returning its name, or by a failure."""

    def __init__(self, name: int, started: "SimpleQueue[int]") -> None:
        self.name, self.started = name, started
        self.gate: SimpleQueue[bool] = SimpleQueue()
        self.runs = 0
        self.ran_for: int | None = None  # as a context variable says it: the name of the work that was submitted

    def __call__(self) -> int:
        self.runs += 1
        self.ran_for = submitting.get()
        submitting.set(-1)  # nobody else is to see that
        self.started.put(self.name)
        if not self.gate.get():
            raise Failure(self.name)
        return self.name


def threads_of(prefix: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]


def what_is_left(prefix: str) -> int:
    """Wait for the workers of an executor to end, and count those that do not."""
    deadline_s = time.monotonic() + LIMIT_S
    for thread in threads_of(prefix):
        thread.join(max(0.0, deadline_s - time.monotonic()))
    return len(threads_of(prefix))
