"""Fork at every bytecode of every operation, threads inside, and see that the child's intake is whole, empty and usable (FORK-1).

Both by another thread, while one is stopped at that bytecode, and by the thread itself that is there.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import Any, final

from ..check import Subject, capabilities_of
from ..child import fork, hear, in_child, report_and_exit
from ..clauses import fork_1
from ..injection import Injector
from ..progress import progress
from .audits import audit, interrupted, take_all
from .operations import Operation, Stage, operations_of, sweeping
from .party import ENDED, Frozen, Party

CHILD_LIMIT_S = 5.0
TAKE_BYTECODES = 1000  # more than any take has


@final
@dataclass(slots=True)
class ForkTally:
    """Count forks, by another thread and by the thread inside, and children whose intake was not whole, empty and usable.

    went_on: forks inside a take that goes on in the child. stuck: children that did not answer. parents: forks after which the
    parent's intake was not as before.
    """

    forks: int = 0
    inside: int = 0
    went_on: int = 0
    operations: int = 0
    bad: int = 0
    stuck: int = 0
    parents: int = 0
    witness: str = ""

    def note(self, text: str) -> None:
        """Keep the first account of a fault."""
        self.witness = self.witness or text


def _judge(subject: Subject, intake: Any) -> dict[str, Any]:
    """Look at the child's intake and use it up and down, as its only user."""
    capacity: int = intake.capacity
    told = intake.statistics() if "statistics" in capabilities_of(subject) else None
    items = len(take_all(subject, intake))
    answers = [intake.offer(number) for number in range(capacity + 1)]
    if answers[0] is subject.Outcome.CLOSED:
        slots, closed = capacity - intake.drain(timeout=0), True
    else:
        slots, closed = answers.count(subject.Outcome.ACCEPTED), False
        leases = take_all(subject, intake)
        if [lease.item for lease in leases] != list(range(slots)):
            slots = -1
        released = [lease.release() for lease in leases]
        slots = slots if all(value is True for value in released) else -1
    free = capacity if told is None else told.free
    queued = 0 if told is None else told.queued + told.in_flight
    return {"slots": min(slots, free), "capacity": capacity, "items": max(items, queued), "closed": closed}


def fork_at(subject: Subject, operations: Iterable[Operation] | None = None, stride: int = 1) -> ForkTally:
    """Fork before each bytecode of each operation (before one in `stride`). The bytecodes tried are spread over all operations."""
    tally = ForkTally()
    party = Party()
    number = 0
    with sweeping(subject) as injector:
        for operation in operations or operations_of(subject):
            progress(f"forked inside {operation.name}, {tally.forks + tally.inside:,} forks so far")
            tally.operations += 1
            position = 0
            reached = True
            while reached and tally.stuck < 5:
                position += 1
                number += 1
                if number % stride:
                    continue
                party, reached = _beside(subject, injector, operation, position, tally, party)
                reached = reached and _inside(subject, injector, operation, position, tally)
    party.dismiss()
    return tally


def _count(found: dict[str, Any], stage: Stage, where: str, tally: ForkTally) -> None:
    if "died" in found:
        tally.stuck += 1
        tally.bad += 1
        tally.note(f"{where}: the child: {found['died']}")
    elif not fork_1(found["slots"], found["capacity"], found["items"]) or (found["closed"] and not (stage.closed or stage.closes)):
        tally.bad += 1
        tally.note(f"{where}: the child has {found['slots']} of {found['capacity']} slots, {found['items']} items of the parent's")


def _beside(
    subject: Subject, injector: Injector, operation: Operation, position: int, tally: ForkTally, party: Party
) -> tuple[Party, bool]:
    """Fork in this thread while a party is stopped in the operation."""
    stage = operation.prepare(subject)
    frozen = Frozen(party, lambda hook: interrupted(injector, stage, hook), position)
    if not frozen.reached:
        party.answer()
        return party, False
    tally.forks += 1
    where = f"{operation.name}, forked while a thread is stopped at {frozen.where}"
    _count(in_child(partial(_judge, subject, stage.intake), CHILD_LIMIT_S), stage, where, tally)
    if not frozen.let_go():
        tally.parents += 1
        tally.note(f"{where}: the parent's thread did not go on")
        return Party(), True
    _after(subject, stage, party.answer(), where, tally, party)
    return party, True


def _inside(subject: Subject, injector: Injector, operation: Operation, position: int, tally: ForkTally) -> bool:
    """Fork in the operation's own thread, which is this one; the child looks at its intake from there."""
    stage = operation.prepare(subject)
    where = ""

    def hook(at: int, code: CodeType, offset: int) -> None:
        nonlocal where
        if at != position:
            return
        where = f"{operation.name}, forked by the thread itself at {code.co_qualname}+{offset}"
        reader, writer = os.pipe()
        child = fork()
        if child == 0:
            report_and_exit(partial(_judge, subject, stage.intake), writer)
        os.close(writer)
        _count(hear(child, reader, CHILD_LIMIT_S), stage, where, tally)

    answer = interrupted(injector, stage, hook)
    if where:
        tally.inside += 1
        _after(subject, stage, answer, where, tally, None)
    return bool(where)


def take_on(subject: Subject) -> ForkTally:
    """Fork before each bytecode of a take from an open, empty intake, which goes on in the child too and finds nothing there."""
    tally = ForkTally()
    with sweeping(subject) as injector:
        for position in range(1, TAKE_BYTECODES):
            intake = subject.Intake(2)
            where = ""
            reader, writer = os.pipe()
            children: list[int] = []

            def hook(at: int, code: CodeType, offset: int, wanted: int = position, forked: list[int] = children) -> None:
                nonlocal where
                if at == wanted:
                    where = f"take, forked by the thread itself at {code.co_qualname}+{offset}"
                    forked.append(fork())

            answer = interrupted(injector, Stage(intake, partial(intake.take, timeout=0)), hook)
            if children == [0]:
                report_and_exit(partial(_told, answer), writer)
            os.close(writer)
            if not children:
                os.close(reader)
                break
            tally.went_on += 1
            found = hear(children[0], reader, CHILD_LIMIT_S)
            if found != _told(subject.Empty):
                tally.bad += 1
                tally.note(f"{where}: nothing is there, nobody closed it, and in the child it ends with {found}")
    return tally


def _told(answer: Any) -> dict[str, Any]:
    return {"answer": getattr(answer, "__name__", type(answer).__name__)}


def _after(subject: Subject, stage: Stage, answer: Any, where: str, tally: ForkTally, party: Party | None) -> None:
    """Audit the parent's intake, which must not notice."""
    out = [answer.item] if hasattr(answer, "release") else []
    if out:
        answer.release()
    elif answer is subject.Outcome.ACCEPTED:
        stage.must.append(stage.may[0])
    answer = None
    if party is None:
        found = audit(subject, stage, out)
    else:
        party.start(lambda: audit(subject, stage, out))
        if party.wait(confirm_s=1.0) != ENDED or party.error is not None:
            tally.parents += 1
            tally.note(f"{where}: afterwards the parent's intake does not answer {party.text}")
            return
        found = party.answer()
    if (found.slots, found.lost, found.doubled, found.books) != (found.capacity, 0, 0, ""):
        tally.parents += 1
        tally.note(f"{where}: afterwards, in the parent, {found}")
