"""What a part of the overload found, and the figures that several parts use."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from typing import Final

from tidegate_specs.check import Result, Verdict

from ..load.record import ACCEPTED, Book, Phase, Record, Tally

NOISE_LIMIT: Final = 0.20  # a share; above it a rate that looks good enough proves nothing
VAGUE: Final = 20  # times the ideal: a bound on a time that is that long says nothing
ENOUGH: Final = 50  # figures to take a median of


@dataclass(frozen=True, slots=True)
class Finding:
    """Give one judgement: what was measured, what is allowed, and how it was seen."""

    verdict: Verdict
    measured: str
    allowed: str
    detail: str = ""
    witness: str = ""
    blames: tuple[str, ...] = ()

    def as_result(self) -> Result:
        """Give it as a check's result."""
        evidence = f"{self.measured} (allowed: {self.allowed})" + (f"; {self.detail}" if self.detail else "")
        return Result(self.verdict, evidence, self.witness, self.blames)


Judge = Callable[[Record], Finding]


def exactly(holds: bool, measured: str, allowed: str, detail: str, witness: str, blames: tuple[str, ...] = ()) -> Finding:
    """Judge what was counted."""
    if holds:
        return Finding(Verdict.OK, measured, allowed, detail)
    return Finding(Verdict.ILLEGAL, measured, allowed, detail, witness, blames)


# Judges. Each reads a record that went through all phases; see `_examine` for those that did not.


def accepted_books(record: Record) -> Iterable[tuple[int, int, int]]:
    """Give the item, the start and the end of every offer that was accepted and stamped."""
    for book in record.books:
        for place, answer in enumerate(book.answers):
            if answer == ACCEPTED:
                yield book.base + place, book.starts_ns[place], book.ends_ns[place]


def takings(tally: Tally) -> Iterable[tuple[int, int, int]]:
    return zip(tally.items[: tally.count], tally.asked_ns, tally.taken_ns, strict=False)


def durations(books: Iterable[Book], answer: int | None = None, first: bool = False) -> "array[int]":
    """Give the sorted durations of stamped offers in nanoseconds: of all, of one answer, of the first ones after a sleep."""
    spans = [
        end - start
        for book in books
        for start, end, given, woken in zip(book.starts_ns, book.ends_ns, book.answers, book.first, strict=True)
        if end and (woken or not first) and (answer is None or given == answer)
    ]
    return array("q", sorted(spans))


def ladder(values: "array[int]") -> str:
    return f"{percentile(values, 0.5) / 1e3:.2f}, {percentile(values, 0.99) / 1e3:.1f} us"


def middle_us(values: "array[int]") -> str:
    return f"{len(values):,} offers {percentile(values, 0.5) / 1e3:.2f} us"


def percentile(values: "array[int]", share: float) -> int:
    """Give the smallest value that at least this share of the sorted values does not exceed."""
    return values[max(0, ceil(share * len(values)) - 1)]


def noise_of(record: Record) -> str:
    return f"noise: {record.stolen:.0%} of the processor went to others"


def unless_noisy(record: Record, excess: float) -> Verdict:
    """Judge something that took `excess` times as long as allowed: ILLEGAL if it would have in the time not taken by others too."""
    return Verdict.ILLEGAL if excess * left_of(record) > 1 else Verdict.UNKNOWN


def left_of(record: Record) -> float:
    return 1 - min(record.stolen, 0.9)


def services_of(tally: Tally, phase: Phase) -> Iterable[tuple[int, int]]:
    """Give the end and the start of the services that ended during a phase, or within a second after it."""
    last_ns = phase.end_ns + 1_000_000_000
    return (
        (freed, taken)
        for freed, taken in zip(tally.freed_ns[: tally.count], tally.taken_ns, strict=False)
        if phase.start_ns <= freed <= last_ns
    )
