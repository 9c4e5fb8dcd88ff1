"""A clock that is moved by hand, and what is counted of expired items."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, final
from unittest.mock import patch

from ..builds import FREE_THREADED
from ..check import Result, Settings, Subject, Verdict
from .clauses import expiry
from .support import by_the_living, module_of

HISTORIES: Final = {"quick": 60, "full": 1_000}
PASSED_S: Final = (0, 0.5, 1, 1, 5, 7, -3)
PATIENCE_S: Final = 5
SWEPT: Final = "expiry"  # what the threads of a swept executor are called


class Failure(Exception):
    """Raised by a callback."""


@final
@dataclass(slots=True)
class Clock:
    """Stand for `time.monotonic`."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def clock_of(subject: Subject) -> Generator[Clock]:
    """Have the adapters of a subject read a clock of ours."""
    clock = Clock()
    with patch.object(module_of(subject, "_patience"), "monotonic", clock):
        yield clock


@final
@dataclass(slots=True)
class Tally:
    """Count what ended, and what was wrong with it."""

    ended: int = 0
    points: int = 0
    stale: int = 0
    untold: int = 0
    held: int = 0
    miscounted: int = 0
    witness: str = ""

    def note(self, text: str) -> None:
        """Keep the first account of a fault."""
        self.witness = self.witness or text

    def judge(self, clause: str, evidence: str) -> Result:
        """Turn the counts into a verdict."""
        if expiry(self.ended, self.stale, self.untold, self.held, self.miscounted) and not self.witness:
            return Result(Verdict.OK, evidence)
        return by_the_living(Result(Verdict.ILLEGAL, evidence, self.witness or str(self), (clause,)))


def grains(settings: Settings) -> tuple[bool, ...]:
    """Say whether to sweep only where an exception can arrive, and then at every bytecode, too."""
    return (True,) if FREE_THREADED or settings.profile == "quick" else (True, False)
