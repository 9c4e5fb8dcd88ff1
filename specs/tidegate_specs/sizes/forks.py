"""Fork, and fork in the child, and in its child: each begins with an empty, whole and usable intake (FORK-1)."""

import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

from ..check import Settings, Subject
from ..child import in_child
from ..progress import progress
from .common import NotTried, demand

DEPTH: Final = 3
CHILD_LIMIT_S: Final = 10.0
CAPACITIES: Final = (1, 2, 3, 8, 9, 65)

Use = Callable[[Subject, Any], list[Any]]


def _nothing(_subject: Subject, _intake: Any) -> list[Any]:
    """Leave the intake alone."""
    return []


def _work(subject: Subject, intake: Any) -> list[Any]:
    """Leave it full, with one item in flight seen, and one unseen, if there is room; and some finished before."""
    if intake.offer(("before", 0)) is subject.Outcome.CLOSED:
        return []
    for item in range(intake.capacity):
        intake.offer(("before", item + 1))
    for _ in range(intake.capacity):
        intake.take(timeout=0).release()
    for item in range(intake.capacity + 1):
        intake.offer(item)
    leases = [intake.take(timeout=0) for _ in range(min(2, intake.capacity))]
    _ = leases[0].item
    return leases


def _close(subject: Subject, intake: Any) -> list[Any]:
    """Work, then close it."""
    leases = _work(subject, intake)
    intake.close()
    return leases


USES: Final[dict[str, Use]] = {"left alone": _nothing, "used": _work, "closed": _close}


def fork_on(subject: Subject, chance: random.Random, settings: Settings) -> str:
    """Try what each generation may have done with the intake, for every combination or a share of them."""
    if not hasattr(os, "fork"):
        raise NotTried("this system has no fork")
    chains = [(first, second, third) for first in USES for second in USES for third in USES]
    if settings.profile == "quick":
        chains = [("used", "used", "used"), ("left alone",) * 3, *chance.sample(chains[1:], 8)]
    for names in chains:
        capacity = chance.choice(CAPACITIES)
        progress(f"forks of forks: {', '.join(names)}")
        _chain(subject, capacity, names)
    return f"{len(chains)} chains of {DEPTH} forks"


def _chain(subject: Subject, capacity: int, names: tuple[str, ...]) -> None:
    """Use an intake, then have a child, and so on; then see that this process' own is as it was."""
    intake = subject.Intake(capacity)
    leases = USES[names[0]](subject, intake)
    before = intake.statistics()
    begun = iter(intake)
    found = in_child(partial(_generation, subject, intake, begun, leases, names[1:], names[0] == "closed"), CHILD_LIMIT_S * DEPTH)
    where = f"Intake({capacity}), {', then '.join(names)}"
    fault = found.get("died") or found["fault"]
    demand(not fault, "FORK-1 BOUND-2", lambda: f"{where}: {fault}")
    demand(intake.statistics() == before, "FORK-1 BOUND-2", lambda: f"{where}: the forks changed the parent's {before}")
    released = [lease.release() for lease in leases]
    demand(all(released), "FORK-1 LEASE-1", lambda: f"{where}: afterwards the parent's leases are answered {released}")


def _generation(
    subject: Subject, intake: Any, begun: Iterator[Any], leases: list[Any], names: tuple[str, ...], closed: bool
) -> dict[str, Any]:
    """Look at the intake in a child, use it as the chain says, and fork again. Gives {"fault": what is wrong, or ""}."""
    depth = DEPTH - len(names)
    where = f"fork {depth} deep"
    use = names[0] if names else "used"
    if use == "left alone" and names:
        fault, mine = "", list[Any]()
    else:
        fault, mine = _fault(subject, intake, begun, leases, closed)
        if not fault and use != "left alone":
            mine += USES[use](subject, intake)
            closed = closed or use == "closed"
    if fault or not names:
        return {"fault": f"{where}: {fault}" if fault else ""}
    found = in_child(partial(_generation, subject, intake, begun, [*leases, *mine], names[1:], closed), CHILD_LIMIT_S)
    return {"fault": f"{where}: {found['died']}" if "died" in found else found["fault"]}


def _fault(subject: Subject, intake: Any, begun: Iterator[Any], leases: list[Any], closed: bool) -> tuple[str, list[Any]]:
    """Say how an intake is not empty, whole and usable as after a fork. begun: an iterator of before, which goes on here."""
    capacity: int = intake.capacity
    told = intake.statistics()
    if (told.free, told.queued, told.in_flight) != (capacity, 0, 0):
        return f"the child's begins as {told}", []
    for lease in leases:  # of those before: whatever it answers, it frees nothing here
        lease.release()
    leases.clear()
    outcome = subject.Outcome
    answers = [intake.offer(number) for number in range(capacity + 1)]
    right = [outcome.CLOSED] * (capacity + 1) if closed else [outcome.ACCEPTED] * capacity + [outcome.FULL]
    if answers != right:
        return f"{'closed' if closed else 'open'} before the fork, and {capacity + 1} offers were answered {answers}", []
    if closed:
        left = intake.drain(timeout=0)
        return ("" if left == 0 else f"closed and empty, and a drain answered {left}"), []
    found = [*islice(begun, 1), *(intake.take(timeout=0) for _ in range(capacity - 1))]
    if len(found) < capacity:
        return "an iterator of before the fork finds nothing in the child", []
    items = [lease.item for lease in found]
    freed = [lease.release() for lease in found]
    if items != list(range(capacity)) or not all(freed):
        return f"{items} were taken of {capacity} items offered, and releases answered {freed}", []
    told = intake.statistics()
    if (told.free, told.queued, told.in_flight) != (capacity, 0, 0):
        return f"used up and down, the child's is {told}", []
    return "", []
