"""The plan of a load, and the books that are kept of it."""

from array import array
from dataclasses import dataclass, field
from typing import Any, Final

GREW: Final = "the process grew"
OPEN, ACCEPTED, FULL, CLOSED, STRANGE = range(5)  # in `Book.answers`


@dataclass(frozen=True, slots=True)
class Plan:
    """Say how one run goes. `seconds` of overload; the other phases have times of their own."""

    seconds: float = 10.0
    capacity: int = 64
    workers: int = 2
    producers: int = 4
    spinners: int = 8
    service_s: float = 0.001
    overload: float = 10.0
    unloaded_s: float = 1.0
    calm_s: float = 2.0
    spin_s: float = 3.0
    grace_s: float = 5.0  # after which a call that has not returned never will
    attempts: int = 3
    seed: int = 0


def _integers(length: int) -> "array[int]":
    return array("q", bytes(8 * length))


class Book:
    """Record one producer's offers in one phase. Items are the integers from `base` on, so each is offered by one call only.

    first: marks the first offer after a sleep. It meets cold caches, whatever the load, so these can be compared between loads.
    """

    __slots__ = ("accepted", "answers", "base", "begun", "closed", "ends_ns", "first", "full", "starts_ns", "strange")

    def __init__(self, base: int, length: int) -> None:
        self.base: Final = base
        self.starts_ns: Final = _integers(length)
        self.ends_ns: Final = _integers(length)
        self.answers: Final = bytearray(length)
        self.first: Final = bytearray(length)
        self.begun = self.accepted = self.full = self.closed = self.strange = 0

    def answered(self, place: int, start_ns: int, end_ns: int, answer: int) -> None:
        """Note the answer to the offer of item `base + place`."""
        self.starts_ns[place] = start_ns
        self.ends_ns[place] = end_ns
        self.answers[place] = answer
        if answer == ACCEPTED:
            self.accepted += 1
        elif answer == FULL:
            self.full += 1
        elif answer == CLOSED:
            self.closed += 1
        else:
            self.strange += 1


class Tally:
    """Record what one worker took: which item, when it asked, when it got it, when it began and ended to release."""

    __slots__ = ("asked_ns", "count", "finished_ns", "finishing", "freed_ns", "items", "released", "taken_ns")

    def __init__(self, length: int) -> None:
        self.items: Final = _integers(length)
        self.asked_ns: Final = _integers(length)
        self.taken_ns: Final = _integers(length)
        self.finished_ns: Final = _integers(length)
        self.freed_ns: Final = _integers(length)
        self.count = self.finishing = self.released = 0


@dataclass(slots=True)
class Phase:
    """Record one phase: when it was, its producers' books, how late a thread woke that slept 1 ms at a time, the resident set."""

    name: str
    start_ns: int = 0
    end_ns: int = 0
    books: list[Book] = field(default_factory=list[Book])
    late_ns: "array[int]" = field(default_factory=lambda: array("q"))
    resident: list[int] = field(default_factory=list[int])

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(slots=True)
class Record:
    """Tell all that was seen in one run.

    stuck: what did not return; the run ended there and most of the rest is empty. halted: why a phase was cut short.
    """

    plan: Plan
    phases: dict[str, Phase] = field(default_factory=dict[str, Phase])
    books: list[Book] = field(default_factory=list[Book])
    tallies: list[Tally] = field(default_factory=list[Tally])
    unloaded: list[float] = field(default_factory=list[float])
    stolen: float = 0.0
    stuck: str = ""
    halted: str = ""
    errors: list[str] = field(default_factory=list[str])
    samples: int = 0
    sampled_peak: int = 0
    problems: list[str] = field(default_factory=list[str])
    accepting_again_ns: int = -1
    idle_s: float = -1.0
    anew: list[str] = field(default_factory=list[str])
    at_rest: Any = None
    after_close: int = STRANGE
