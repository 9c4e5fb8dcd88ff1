"""Raise an exception at every bytecode of every operation, and see that nothing is lost, minted or doubled (INTERRUPT-1)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from types import CodeType
from typing import Final, final

from ..check import Subject, capabilities_of
from ..clauses import interrupt_1
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_entries
from .audits import Audit, audit, interrupted
from .operations import MAKE, Operation, Overtaken, confirm_s, operations_of, sweeping
from .party import ENDED, Party, Runaway

STUCK: Final = 40
FAILING: Final = 4  # finalisers of what an exception left half made may fail: a token, its `SlotRef`, and those of their successors


@final
@dataclass(slots=True)
class InterruptTally:
    """Count the points at which an exception was raised, and what was broken after how many of them.

    swallowed: exceptions that ended a finaliser, and not the call. locked: points after which a call of the audit, or the
    interrupted call itself, waits for ever. unswept: an operation could not even be prepared any more, as something waits for ever.
    """

    points: int = 0
    operations: int = 0
    swallowed: int = 0
    broken: int = 0
    locked: int = 0
    slots_lost: int = 0
    minted: int = 0
    items_lost: int = 0
    items_doubled: int = 0
    books: int = 0
    ran_away: bool = False
    unswept: bool = False
    witness: str = ""
    witnesses: dict[str, str] = field(default_factory=dict[str, str])  # by clause, the first
    broken_by: dict[str, tuple[int, int, int]] = field(
        default_factory=dict[str, tuple[int, int, int]]
    )  # by operation: broken, of them locked, points

    @property
    def cut_short(self) -> bool:
        """Tell whether the sweep ended before its end, as too much was broken."""
        return self.locked >= STUCK or self.ran_away or self.unswept

    def note(self, text: str, *clauses: str) -> None:
        """Keep the first account of a fault, and the first of each clause's; all of them are INTERRUPT-1's."""
        self.witness = self.witness or text
        for clause in ("INTERRUPT-1", *clauses):
            self.witnesses.setdefault(clause, text)

    def count(self, found: Audit, where: str) -> None:
        """Count one audit."""
        if interrupt_1(found.slots, found.capacity, found.lost, found.doubled) and not found.books:
            return
        self.broken += 1
        self.slots_lost += found.slots < found.capacity
        self.minted += found.slots > found.capacity
        self.items_lost += found.lost
        self.items_doubled += found.doubled
        self.books += bool(found.books)
        clauses = (["BOUND-2"] if found.slots != found.capacity else []) + (["BOUND-1"] if found.slots > found.capacity else [])
        clauses += ["LOCAL-1"] if found.lost or found.doubled else []
        self.note(f"{where}: {tell(found)}", *clauses)


def tell(found: Audit) -> str:
    """Say what an audit found."""
    parts = [f"{found.slots} of {found.capacity} slots can be used"]
    if found.lost:
        parts.append(f"{found.lost} accepted items lost")
    if found.doubled:
        parts.append(f"{found.doubled} items out twice or uncalled for")
    if found.books:
        parts.append(found.books)
    return ", ".join(parts)


@dataclass(slots=True)
class _Point:
    """One interruption: whether it landed, where, and what was left."""

    where: str = ""
    raised: bool = False
    landed: bool = False
    found: Audit | None = None


def _interrupt(subject: Subject, injector: Injector, operation: Operation, position: int, point: _Point) -> None:
    stage = operation.prepare(subject)

    def hook(at: int, code: CodeType, offset: int) -> None:
        if at == position:
            point.where = f"{code.co_qualname}+{offset}"
            if offset not in handler_entries(code):
                point.raised = True
                raise Interrupt

    with quiet_finalisers() as unraisable:
        answer = interrupted(injector, stage, hook)
        strays = unraisable.strays()
        if len(strays) > FAILING:
            raise Runaway(f"{len(strays)} finalisers ended with {strays[0]}")
    if not point.where:
        return
    point.landed = answer is Interrupt
    out = [answer.item] if hasattr(answer, "release") else []
    if out:
        answer.release()
    answer = None
    point.found = audit(subject, stage, out)


def interrupt(
    subject: Subject, operations: Iterable[Operation] | None = None, injector_given: Injector | None = None
) -> InterruptTally:
    """Raise an exception before each bytecode of each operation, one in each run, and audit the intake afterwards."""
    if injector_given is None:
        with sweeping(subject) as injector:
            return interrupt(subject, operations, injector)
    injector = injector_given
    tally = InterruptTally()
    chosen = list(operations or operations_of(subject))
    if operations is None and capabilities_of(subject) >= MAKE.needs:
        chosen.append(MAKE)
        overtaken = Overtaken(subject, injector)
        if overtaken.at:
            chosen.append(overtaken.operation())
    party = Party()
    for operation in chosen:
        progress(f"interrupted in {operation.name}, {tally.points:,} points so far")
        before = (tally.broken, tally.locked, tally.points)
        position, point = 1, _Point(where="begin")
        while point.where and tally.locked < STUCK:
            point = _Point()
            party.start(partial(_interrupt, subject, injector, operation, position, point))
            event = party.wait(confirm_s(subject) if tally.locked < 2 else 0.0)
            position += 1
            if not point.where and event == ENDED and party.error is None:
                break
            tally.points += point.raised
            where = f"{operation.name}, interrupted at {point.where}"
            if event != ENDED:
                tally.locked += 1
                tally.broken += 1
                tally.unswept |= not point.where
                tally.note(f"{where}: afterwards {party.where()} waits for ever", "BOUND-2")
                party = Party()
            elif point.found is None:
                tally.broken += 1
                tally.note(f"{where}: afterwards {party.text}")
                if party.error is Runaway:
                    tally.ran_away = True
                    break  # it takes its time, and so would the next
            else:
                tally.swallowed += point.raised and not point.landed
                tally.count(point.found, where)
        tally.operations += 1
        after = (tally.broken, tally.locked, tally.points)
        tally.broken_by[operation.name] = (after[0] - before[0], after[1] - before[1], after[2] - before[2])
    party.dismiss()
    return tally
