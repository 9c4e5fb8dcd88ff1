"""The calls that wait, and what they wait for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, final

from ..check import Subject
from .operations import Stage

LONG_S: Final = 3600.0
SHORT_S: Final = 1e-9  # over before anything can be raised


@final
@dataclass(slots=True)
class Wait:
    """A call that waits, as a stage. others: who waits beside it. ends: what then ends everybody's wait, and what it offers."""

    stage: Stage
    ends: Callable[[], Any]
    others: tuple[Callable[[], Any], ...] = ()
    offers: list[Any] = field(default_factory=list[Any])


def _take(subject: Subject, timeout: float | None, others: int = 0) -> Wait:
    intake = subject.Intake(2)
    call = partial(intake.take, timeout)
    return Wait(Stage(intake, call), partial(intake.offer, "late"), (intake.take,) * others, ["late"])


def _iterate(subject: Subject) -> Wait:
    intake = subject.Intake(2)
    return Wait(Stage(intake, partial(next, iter(intake))), partial(intake.offer, "late"), offers=["late"])


def _unseen(subject: Subject, wait: str, other: str = "") -> Wait:
    """Wait at a closed intake of which one item is held, unseen: nobody can be told yet that nothing more will come."""
    intake = subject.Intake(2)
    intake.offer("a")
    lease = intake.take(timeout=0)
    intake.close()
    stage = Stage(intake, getattr(intake, wait), loose=[lease], may=["a"], closed=True)

    def end() -> None:
        _ = lease.item
        lease.release()

    return Wait(stage, end, (getattr(intake, other),) if other else ())


def _drain(subject: Subject, timeout: float | None) -> Wait:
    intake = subject.Intake(3)
    intake.offer("a")
    lease = intake.take(timeout=0)
    _ = lease.item
    return Wait(Stage(intake, partial(intake.drain, timeout), loose=[lease], may=["a"], closes=True), lease.release)


SITUATIONS: Final[dict[str, Callable[[Subject], Wait]]] = {
    "take": partial(_take, timeout=None),
    "take with a time-out": partial(_take, timeout=LONG_S),
    "take, another taker waits": partial(_take, timeout=None, others=1),
    "iterate": _iterate,
    "take from a closed intake": partial(_unseen, wait="take"),
    "take from a closed intake, another taker waits": partial(_unseen, wait="take", other="take"),
    "take from a closed intake, a drain waits": partial(_unseen, wait="take", other="drain"),
    "drain": partial(_drain, timeout=None),
    "drain with a time-out": partial(_drain, timeout=LONG_S),
    "drain, a taker waits": partial(_unseen, wait="drain", other="take"),
}
# A handler that lasts past the deadline: what it raises is not the end of the time. Only simulated: no real wait is as short.
LATE: Final[dict[str, Callable[[Subject], Wait]]] = {
    "take, past its deadline": partial(_take, timeout=SHORT_S),
    "drain, past its deadline": partial(_drain, timeout=SHORT_S),
}
