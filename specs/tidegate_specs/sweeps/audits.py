"""What is left of an intake after a disturbance: slots that can be used, items, and the books."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, final

from ..check import Subject, capabilities_of
from ..injection import Hook, Injector, Interrupt
from .operations import Kind, Stage


@final
@dataclass(frozen=True, slots=True)
class Audit:
    """Count what is left: slots that can be used, items lost and doubled; and say what the books had wrong.

    told: how many slots are free, as statistics tell at the end.
    """

    slots: int
    capacity: int
    lost: int = 0
    doubled: int = 0
    books: str = ""
    told: int = -1


def take_all(subject: Subject, intake: Any) -> list[Any]:
    """Take whatever is queued without waiting; at most a few more than there are slots, should there be more."""
    leases: list[Any] = []
    with suppress(subject.Empty, subject.Closed):
        for _ in range(intake.capacity + 3):
            leases.append(intake.take(timeout=0))  # noqa: PERF401 - what was taken before it ends is kept
    return leases


def audit(subject: Subject, stage: Stage, out: Sequence[Any] = (), ours: Sequence[Any] = ()) -> Audit:
    """Take and release everything, then count the slots by using them. Leaves nothing in the stage.

    out: items that others have taken from the intake already. ours: items that others had accepted.
    """
    intake = stage.intake
    books = _books(subject, intake, held=len(stage.held), loose=len(stage.loose))
    leases = take_all(subject, intake)
    items = [*out, *(lease.item for lease in leases)]
    wanted = [*stage.must, *ours]
    lost = sum(items.count(item) == 0 for item in wanted)
    doubled = sum(items.count(item) > 1 for item in (*wanted, *stage.may))
    doubled += sum(item not in wanted and item not in stage.may for item in items)
    for lease in (*leases, *stage.held):
        if lease.release() is not True:
            books = books or "a lease that nobody released was released"
    for lease in stage.loose:
        lease.release()
    leases.clear()
    stage.held.clear()
    stage.loose.clear()
    capacity: int = intake.capacity
    answers = [intake.offer(("audit", number)) for number in range(capacity + 1)]
    if answers[0] is subject.Outcome.CLOSED:
        left = intake.drain(timeout=0) if "drain" in capabilities_of(subject) else 0  # without one nobody can tell
        slots = capacity - left if set(answers) == {subject.Outcome.CLOSED} else -1
    else:
        slots = answers.count(subject.Outcome.ACCEPTED)
        for lease in take_all(subject, intake):
            lease.release()
    books = books or _books(subject, intake, held=0, loose=0, free=slots)
    told = int(intake.statistics().free) if "statistics" in capabilities_of(subject) else -1
    return Audit(slots, capacity, lost, doubled, books, told)


def _books(subject: Subject, intake: Any, held: int, loose: int, free: int | None = None) -> str:
    """Say what is wrong in a reading of statistics, or nothing."""
    if "statistics" not in capabilities_of(subject):
        return ""
    read = intake.statistics()
    if read.free + read.queued + read.in_flight != read.capacity or min(read.free, read.queued, read.in_flight) < 0:
        return f"slots are lost or minted in {read}"
    if read.accepted != read.queued + read.in_flight + read.released + read.abandoned:
        return f"the ledger does not add up in {read}"
    if not held <= read.in_flight <= held + loose:
        return f"{read.in_flight} in flight with {held} to {held + loose} leases held"
    if free is not None and read.free != free:
        return f"statistics tell {read.free} free slots, {free} can be used"
    return ""


def interrupted(injector: Injector, stage: Stage, hook: Hook) -> Any:
    """Make the stage's call with a hook. Give its answer, or its exception's type: nothing keeps a traceback, and its locals.

    What dies with the traceback, dies while the hook is still called.
    """
    call = stage.call

    def caught() -> Any:
        try:
            return call()
        except (Exception, Interrupt) as error:  # noqa: BLE001 - the implementation's own answers, and ours
            return type(error)

    stage.call = caught
    try:
        return stage.run(injector, hook)
    finally:
        stage.call = call


def interruption_of(injector: Injector, stage: Stage, hook: Hook, kind: Kind, mark: object) -> tuple[Any, bool]:
    """Do the same where the hook raises `kind(mark)`. Give the answer, and whether it was that exception that ended the call.

    The mark tells it from one of the implementation's own, and nobody has to hold the exception, and its traceback.
    """
    call = stage.call
    came_out = False

    def caught() -> Any:
        nonlocal came_out
        try:
            return call()
        except (Exception, kind) as error:  # noqa: BLE001 - as above
            came_out = type(error) is kind and len(error.args) == 1 and error.args[0] is mark
            return type(error)

    stage.call = caught
    try:
        return stage.run(injector, hook), came_out
    finally:
        stage.call = call
