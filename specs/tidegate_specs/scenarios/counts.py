"""What must add up of an intake after a scenario."""

from typing import Any

from ..check import capabilities_of
from .jobs import expect
from .run import Run


def recount(intake: Any, where: str, **known: int) -> None:
    """Compare statistics at rest with what the scenario counted itself, and with the two identities of the contract.

    Fields not named are not compared, but `free` follows from the others. An intake without statistics has no counts to compare.
    """
    if "statistics" not in capabilities_of(intake):
        return
    statistics = intake.statistics()
    shown = {name: getattr(statistics, name) for name in known}
    expect(shown == known, "LEDGER-1", f"{where}: statistics say {shown}, a recount says {known}")
    conserved(statistics, intake.capacity, where)


def conserved(statistics: Any, capacity: int, where: str) -> None:
    """Check a reading of statistics by itself: bounds, conservation of slots, and the ledger."""
    read = statistics
    expect(0 <= read.queued + read.in_flight <= capacity, "BOUND-1", f"{where}: {read} is outside 0 .. {capacity}")
    expect(min(read.free, read.queued, read.in_flight) >= 0, "BOUND-2", f"{where}: a negative count in {read}")
    expect(read.free + read.queued + read.in_flight == capacity, "BOUND-2", f"{where}: slots are lost or minted in {read}")
    finished = read.released + read.abandoned
    expect(read.accepted == read.queued + read.in_flight + finished, "LEDGER-1", f"{where}: the ledger does not add up in {read}")


def take_all(run: Run, intake: Any) -> list[Any]:
    """Take whatever is queued, without waiting; at most a few more than there are slots, should the subject hand out more."""
    leases: list[Any] = []
    for _ in range(intake.capacity + 3):
        try:
            leases.append(intake.take(timeout=0))
        except (run.subject.Empty, run.subject.Closed):
            break
    return leases


def as_new(run: Run, intake: Any, where: str, *, clauses: str = "BOUND-2") -> None:
    """Check on an open intake at rest and empty that exactly its capacity is accepted, comes out in order, and is free again."""
    capacity = intake.capacity
    answers = [intake.offer(number) for number in range(capacity + 1)]
    accepted = sum(answer is run.subject.Outcome.ACCEPTED for answer in answers)
    expect(accepted == capacity, clauses, f"{where}: {accepted} offers accepted where {capacity} slots should be free")
    expect(answers[-1] is run.subject.Outcome.FULL, clauses, f"{where}: {answers[-1]} on a full intake")
    leases = take_all(run, intake)
    items = [lease.item for lease in leases]
    if items != list(range(capacity)):  # the slots are counted all the same
        run.fault("LOCAL-1", f"{where}: accepted 0 .. {capacity - 1}, taken {items}")
    released = [lease.release() for lease in leases]
    expect(all(value is True for value in released), "LEASE-1", f"{where}: releases answered {released}")
    recount(intake, where, free=capacity, queued=0, in_flight=0)
