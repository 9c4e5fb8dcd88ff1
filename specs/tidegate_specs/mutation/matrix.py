"""The kill matrix: what each group of checks did to each mutant, and the table of it."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

from ..check import Result, Verdict
from .patching import Mutant

STRESS: Final = "stress"  # run on the race mutants in profile full, for ten seconds; none has to die of it
RACES: Final = ("explore", STRESS)  # the groups that have a table of their own
WIDTH: Final = 132


# The kill matrix


class Fate(enum.Enum):
    """Tell what a group of checks did to a mutant."""

    KILLED = "K"
    SURVIVES = "survives"
    UNKNOWN = "unknown"
    NOT_RUN = "-"


@final
@dataclass(frozen=True, slots=True)
class Cell:
    """Give the fate of one mutant under one group.

    by: the check that killed it, or that was not able to say; note: how. effort: how many schedules or rounds the last check took.
    """

    fate: Fate
    by: str = ""
    note: str = ""
    effort: int = 0
    seconds: float = 0.0
    times_s: Mapping[str, float] = field(default_factory=dict[str, float])  # of each check that was OK

    def __str__(self) -> str:
        group, _, detail = self.by.partition(".")
        if group == STRESS and self.fate is Fate.KILLED:
            return f"{self.fate.value} after {self.effort:,} rounds"
        how = f" ({self.note})" if self.note == "hung" else f" ({self.effort:,})" if group in RACES and self.effort else ""
        return " ".join(part for part in (self.fate.value, detail + how) if part)


NOT_RUN: Final = Cell(Fate.NOT_RUN)


@final
@dataclass(frozen=True, slots=True)
class Matrix:
    """Hold the outcome: the fate of each mutant (a row) under each group (a column), and how the kernel itself fared."""

    rows: tuple[Mutant, ...]
    groups: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    control: Mapping[str, Cell]
    seconds: float

    def cell(self, mutant: Mutant, group: str) -> Cell:
        return self.cells.get((mutant.name, group), NOT_RUN)

    @property
    def survivors(self) -> tuple[str, ...]:
        """Name each mutant that no group killed, and each pair of mutant and group where a named check let it live."""
        found: list[str] = []
        for mutant in self.rows:
            ran = {group: self.cell(mutant, group) for group in self.groups}
            ran = {group: cell for group, cell in ran.items() if cell.fate is not Fate.NOT_RUN}
            if ran and all(cell.fate is Fate.SURVIVES for cell in ran.values()):
                found.append(f"{mutant.name}: no check kills it")
                continue
            for group, cell in ran.items():
                named = mutant.named(group)
                most = mutant.within.get(cell.by)
                if cell.fate is Fate.SURVIVES and named is not None:
                    found.append(f"{mutant.name}: {group} must kill it and does not")
                elif cell.fate is Fate.KILLED and most is not None and cell.effort > most:
                    found.append(f"{mutant.name}: {cell.by} must kill it within {most:,} schedules, and took {cell.effort:,}")
                elif cell.fate is Fate.KILLED and named and cell.by not in named:
                    found.append(f"{mutant.name}: {' or '.join(named)} must kill it, and only {cell.by} does")
        return tuple(found)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Name what is missing to a verdict: a check that the kernel does not pass, a mutant that was not judged."""
        found = [
            f"the kernel itself under {group}: {cell} {cell.note}".rstrip()
            for group, cell in self.control.items()
            if cell.fate is not Fate.SURVIVES
        ]
        for mutant in self.rows:
            ran = [(group, self.cell(mutant, group)) for group in self.groups]
            if all(cell.fate in (Fate.NOT_RUN, Fate.UNKNOWN) for _, cell in ran):
                notes = "; ".join(f"{group}: {cell} {cell.note}" for group, cell in ran if cell.fate is Fate.UNKNOWN)
                found.append(f"{mutant.name}: not judged {notes}".rstrip())
                continue
            found += [
                f"{mutant.name}: {group} must kill it, and could not say: {cell.by} {cell.note}"
                for group, cell in ran
                if cell.fate is Fate.UNKNOWN and mutant.named(group) is not None
            ]
        return tuple(found)

    @property
    def killed(self) -> int:
        return sum(any(self.cell(mutant, group).fate is Fate.KILLED for group in self.groups) for mutant in self.rows)


def render(matrix: Matrix) -> str:
    """Draw the matrix as tables of at most 132 columns: K and the check that killed, or what happened instead."""
    races = [mutant for mutant in matrix.rows if mutant.within]
    lines = _table(matrix, matrix.rows, [group for group in matrix.groups if group not in RACES])
    if races:
        lines += ["", "The races, with the schedules that the explorer took, and the rounds of plain stress:", ""]
        lines += _table(matrix, races, [group for group in matrix.groups if group in RACES])
    lines.append(f"{matrix.killed} of {len(matrix.rows)} mutants killed in {matrix.seconds:.0f} s")
    lines += [f"SURVIVOR {text}" for text in matrix.survivors]
    lines += [f"UNKNOWN  {text}" for text in matrix.doubts]
    return "\n".join(lines)


def _table(matrix: Matrix, mutants: Sequence[Mutant], groups: Sequence[str]) -> list[str]:
    """Draw some rows and columns of a matrix, between a line for the kernel itself and a line of totals."""
    stated = any(mutant.within for mutant in mutants) and "explore" in groups
    names = max([len("(the kernel itself)"), *(len(mutant.name) for mutant in mutants)])
    clauses = max([len("breaks"), *(len(", ".join(mutant.breaks)) for mutant in mutants)])
    columns = [*groups, "stated"] if stated else [*groups]
    table: list[tuple[str, str, list[str]]] = [("mutant", "breaks", columns)]
    table.append(("(the kernel itself)", "", [_control_text(matrix.control.get(group)) for group in groups]))
    for mutant in mutants:
        cells = [str(matrix.cell(mutant, group)) for group in groups]
        table.append((mutant.name, ", ".join(mutant.breaks), [*cells, ", ".join(map(str, mutant.within.values()))][: len(columns)]))
    table.append(("killed", "", [_total(matrix, mutants, group) for group in groups]))
    widths = [max(len(row[2][column]) for row in table if column < len(row[2])) for column in range(len(columns))]
    room = WIDTH - names - clauses - 2 - 2 * len(columns)
    while sum(widths) > room:  # the widest column gives way
        widths[widths.index(max(widths))] -= 1
    lines = [
        "  ".join(
            [name.ljust(names), breaks.ljust(clauses), *(_cut(text, width) for text, width in zip(cells, widths, strict=False))]
        ).rstrip()
        for name, breaks, cells in table
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    lines.insert(-1, lines[1])
    return lines


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "~"


def _control_text(cell: Cell | None) -> str:
    if cell is None:
        return Fate.NOT_RUN.value
    return f"OK {cell.seconds:.1f} s" if cell.fate is Fate.SURVIVES else f"fails {cell.by.partition('.')[2]}"


def _total(matrix: Matrix, mutants: Sequence[Mutant], group: str) -> str:
    fates = [matrix.cell(mutant, group).fate for mutant in mutants]
    return f"{fates.count(Fate.KILLED)} of {len(fates) - fates.count(Fate.NOT_RUN)}"


def judge(matrix: Matrix) -> Result:
    """Turn a matrix into a verdict: a survivor is ILLEGAL, a mutant or a kernel that could not be judged is UNKNOWN."""
    ran = sum(cell.fate is not Fate.NOT_RUN for cell in matrix.cells.values())
    groups = len({group for (_, group), cell in matrix.cells.items() if cell.fate is not Fate.NOT_RUN})
    evidence = f"{matrix.killed} of {len(matrix.rows)} mutants killed, {ran} runs over {groups} groups"
    if matrix.survivors:
        broken = {
            clause
            for mutant in matrix.rows
            for clause in mutant.breaks
            if any(s.startswith(mutant.name + ":") for s in matrix.survivors)
        }
        return Result(Verdict.ILLEGAL, evidence, "\n".join((*matrix.survivors, render(matrix))), tuple(sorted(broken)))
    if matrix.doubts:
        return Result(Verdict.UNKNOWN, evidence, "\n".join((*matrix.doubts, render(matrix))))
    return Result(Verdict.OK, evidence)
