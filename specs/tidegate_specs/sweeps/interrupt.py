"""Raise an exception at every bytecode of every operation, and see that nothing is lost, minted or doubled (INTERRUPT-1).

And that nobody sleeps on: whoever waits in `take` or `drain` when an interrupted call ends their wait must wake (CLOSE-2).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import CodeType
from typing import Any, Final, final

from ..check import Subject, capabilities_of
from ..clauses import interrupt_1
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_entries
from .operations import (
    FOREIGN,
    MAKE,
    Audit,
    Kind,
    Operation,
    Overtaken,
    Stage,
    audit,
    confirm_s,
    interrupted,
    interruption_of,
    operations_of,
    sweeping,
)
from .party import ENDED, Party, Runaway

STUCK: Final = 40
FAILING: Final = 4  # finalisers of what an exception left half made may fail: a token, its `SlotRef`, and those of their successors
LOST: Final = 2  # lost wake-ups, before the sweep goes on with the next situation


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


# Wake-ups


@final
@dataclass(slots=True)
class Waiting:
    """An interrupted call with others waiting: who waits, and what the caller may do next to end their wait."""

    intake: Any
    call: Callable[[], Any]
    waits: tuple[Callable[[], Any], ...]
    lease: Any = None  # the call's own, which it still holds if interrupted early
    cut_in: Callable[[], Any] | None = None  # as in `Stage`
    late_waits: tuple[Callable[[], Any], ...] = ()  # who only comes to wait after the interruption
    cut_in_at: int = 0


@final
@dataclass(slots=True)
class WakeTally:
    """Count points, and after how many of them somebody waited on.

    lost: although nothing more could come, and no one held anything. late: until the interrupted caller used its lease again or
    let go of it.
    """

    points: int = 0
    situations: int = 0
    lost: int = 0
    late: int = 0
    witness: str = ""
    late_witness: str = ""
    by_situation: dict[str, tuple[int, int, int]] = field(default_factory=dict[str, tuple[int, int, int]])  # lost, late, points


def _closing(subject: Subject, waiters: int) -> Waiting:
    intake = subject.Intake(2)
    return Waiting(intake, intake.close, (intake.take,) * waiters)


def _close_one(subject: Subject) -> Waiting:
    return _closing(subject, 1)


def _close_two(subject: Subject) -> Waiting:
    return _closing(subject, 2)


def _unseen(subject: Subject) -> tuple[Any, Any]:
    """Give a closed intake of which one item is held, unseen: a taker waits, as the item may come back."""
    intake = subject.Intake(2)
    intake.offer("a")
    lease = intake.take(timeout=0)
    intake.close()
    return intake, lease


def _look(subject: Subject) -> Waiting:
    intake, lease = _unseen(subject)
    return Waiting(intake, lambda: lease.item, (intake.take,), lease)


def _release(subject: Subject) -> Waiting:
    intake, lease = _unseen(subject)
    return Waiting(intake, lease.release, (intake.take,), lease)


def _release_drain(subject: Subject) -> Waiting:
    intake, lease = _unseen(subject)
    _ = lease.item
    return Waiting(intake, lease.release, (intake.drain,), lease)


def _release_both(subject: Subject) -> Waiting:
    intake, lease = _unseen(subject)
    return Waiting(intake, lease.release, (intake.drain, intake.take), lease)


def _drop(subject: Subject) -> Waiting:
    intake, lease = _unseen(subject)
    box = [lease]
    return Waiting(intake, box.clear, (intake.take,))


def _drop_drain(subject: Subject) -> Waiting:
    intake, lease = _unseen(subject)
    _ = lease.item
    box = [lease]
    return Waiting(intake, box.clear, (intake.drain,))


def _take_the_bell(subject: Subject) -> Waiting:
    intake = subject.Intake(2)
    intake.close()
    return Waiting(intake, intake.take, (), late_waits=(intake.take,))


def _drain_beside(subject: Subject) -> Waiting:
    intake = subject.Intake(2)
    return Waiting(intake, lambda: intake.drain(timeout=0), (intake.take,))


SITUATIONS: Final[dict[str, Callable[[Subject], Waiting]]] = {
    "close, a taker waits": _close_one,
    "close, two takers wait": _close_two,
    "drain, a taker waits": _drain_beside,
    "look at the last item, a taker waits": _look,
    "release the last lease, a taker waits": _release,
    "release the last lease, a drain waits": _release_drain,
    "release the last lease, a drain and a taker wait": _release_both,
    "drop the last lease, a taker waits": _drop,
    "drop the last lease, a drain waits": _drop_drain,
    "take from a closed intake, a taker comes to wait": _take_the_bell,
}


def wake(subject: Subject, kinds: Sequence[Kind] = (Interrupt,), arrivals_only: bool = False) -> WakeTally:
    """Raise an exception before each bytecode of each call that ends others' wait, and see that they wake.

    kinds: the types of exceptions, each in its turn. arrivals_only: only where one can arrive.
    """
    tally = WakeTally()
    with sweeping(subject) as injector:
        situations = dict(SITUATIONS)
        overtaken = Overtaken(subject, injector)
        if overtaken.at:
            situations["offer overtaken by a close, a taker waits"] = partial(_overtaken, overtaken.at, "take")
            situations["offer overtaken by a close, a drain waits"] = partial(_overtaken, overtaken.at, "drain")
        injector.arrivals_only |= arrivals_only
        for name, prepare in situations.items():
            progress(f"wake-ups: {name}, {tally.points:,} points so far")
            before = (tally.lost, tally.late, tally.points)
            position = 1
            while tally.lost - before[0] < LOST and _wake_point(
                subject, injector, prepare, name, position, tally, kinds[tally.points % len(kinds)]
            ):
                position += 1
            tally.situations += 1
            tally.by_situation[name] = (tally.lost - before[0], tally.late - before[1], tally.points - before[2])
    return tally


def _overtaken(cut_in_at: int, wait: str, subject: Subject) -> Waiting:
    intake = subject.Intake(1)
    waiting = Waiting(intake, lambda: intake.offer("b"), (), cut_in=intake.close, cut_in_at=cut_in_at)
    waiting.late_waits = (getattr(intake, wait),)
    return waiting


def _wake_point(
    subject: Subject,
    injector: Injector,
    prepare: Callable[[Subject], Waiting],
    name: str,
    position: int,
    tally: WakeTally,
    kind: Kind,
) -> bool:
    """Interrupt at one position; false when the call ended before it."""
    waiting = prepare(subject)
    intake = waiting.intake
    parties = [_wait_in_party(call) for call in waiting.waits]
    where = ""
    cut_in = waiting.cut_in

    def hook(at: int, code: CodeType, offset: int) -> None:
        nonlocal where
        if cut_in is not None and at == waiting.cut_in_at:
            cut_in()
            parties.extend(_wait_in_party(call) for call in waiting.late_waits)
        if at == position:
            where = f"{name}, interrupted at {code.co_qualname}+{offset}"
            if offset not in handler_entries(code):
                raise kind(FOREIGN)

    answer, _ = interruption_of(injector, Stage(intake, waiting.call), hook, kind, FOREIGN)
    answer = None
    if cut_in is None:
        parties.extend(_wait_in_party(call) for call in waiting.late_waits)
    del answer
    closed = True
    if waiting.lease is None:
        probe = intake.offer("probe")
        closed = probe is subject.Outcome.CLOSED
    asleep = [party for party in parties if party.wait(confirm_s=0.0) != ENDED]
    held = intake.statistics().in_flight if closed else 0
    if asleep and closed and not held:
        asleep = [party for party in asleep if party.wait(1.0 if tally.lost < 2 else 0.0) != ENDED]
        if asleep:
            tally.lost += 1
            tally.witness = tally.witness or f"{where or name}: {len(asleep)} waiting did not wake, with nothing left to come"
    elif asleep and held:
        waiting.call, waiting.lease = intake.close, None  # the caller lets go of the lease: put back if unseen, else it is over
        asleep = [party for party in asleep if party.wait() != ENDED]
        if any(party.error is subject.Closed for party in parties):  # it was seen: they could have been told before
            tally.late += 1
            tally.late_witness = tally.late_witness or where
        if intake.statistics().in_flight == 0:  # else a taker got the item that was put back
            asleep = [party for party in asleep if party.wait(1.0 if tally.lost < 2 else 0.0) != ENDED]
            tally.lost += bool(asleep)
            if asleep:
                tally.witness = tally.witness or f"{where or name}: {len(asleep)} waiting did not wake when the lease ended"
    intake.close()  # ends the wait of whoever has a right to wait on
    for party in parties:
        party.wait()
        party.answer()
        party.dismiss()
    tally.points += bool(where)
    return bool(where)


def _wait_in_party(call: Callable[[], Any]) -> Party:
    party = Party()
    party.start(call)
    party.settle()
    return party
