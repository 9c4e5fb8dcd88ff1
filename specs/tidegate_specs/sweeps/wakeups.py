"""Raise an exception at every bytecode of every operation, and see that nobody sleeps on.

Whoever waits in `take` or `drain` when an interrupted call ends their wait must wake (CLOSE-2).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import CodeType
from typing import Any, Final, final

from ..check import Subject
from ..injection import Injector, Interrupt
from ..progress import progress
from ..stops import handler_entries
from .audits import interruption_of
from .operations import FOREIGN, Kind, Overtaken, Stage, sweeping
from .party import ENDED, Party

LOST: Final = 2  # lost wake-ups, before the sweep goes on with the next situation


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
    _judge_waits(subject, waiting, parties, tally, where or name)
    intake.close()  # ends the wait of whoever has a right to wait on
    for party in parties:
        party.wait()
        party.answer()
        party.dismiss()
    tally.points += bool(where)
    return bool(where)


def _judge_waits(subject: Subject, waiting: Waiting, parties: list[Party], tally: WakeTally, where: str) -> None:
    """Note who waits on with nothing left to come, now and when the lease has ended."""
    intake = waiting.intake
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
            tally.witness = tally.witness or f"{where}: {len(asleep)} waiting did not wake, with nothing left to come"
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
                tally.witness = tally.witness or f"{where}: {len(asleep)} waiting did not wake when the lease ended"


def _wait_in_party(call: Callable[[], Any]) -> Party:
    party = Party()
    party.start(call)
    party.settle()
    return party
