"""A contract of four clauses, for the tests of the gate itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Clause:
    id: str


CLAUSES = (Clause("ONE-1"), Clause("TWO-1"), Clause("THREE-1"), Clause("FOUR-1"))
