"""The operations that are swept, each on a fresh intake in a known state, and the audit of what is left afterwards."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final, final

from ..check import WHOLE, Subject, capabilities_of
from ..conformance.adapter import Adapted, injector_for
from ..injection import Hook, Injector, quiet_finalisers

CONFIRM_S: Final = 1.0
FOREIGN: Final = "raised by a handler"  # what exceptions say that the sweeps raise, and none of an implementation's own

Kind = type[BaseException]


@final
@dataclass(slots=True)
class Stage:
    """An intake in a known state, and the call that is swept on it.

    held: leases, looked at, that the call does not touch. loose: leases that the call may end. must: items that are queued, in
    order, or put back by the call (so many: puts_back). may: items that the call may bring in, or finish. boxed: leases that
    only the call's own container holds. claims, takes, frees: how many slots the call may itself hold, take from the queue, or
    bring home. cut_in: an action before the bytecode at `cut_in_at`, which belongs to the operation.
    """

    intake: Any
    call: Callable[[], Any]
    held: list[Any] = field(default_factory=list[Any])
    loose: list[Any] = field(default_factory=list[Any])
    must: list[Any] = field(default_factory=list[Any])
    may: list[Any] = field(default_factory=list[Any])
    boxed: int = 0
    claims: int = 0
    takes: int = 0
    frees: int = 0
    puts_back: int = 0
    closed: bool = False
    closes: bool = False
    cut_in: Callable[[], Any] | None = None
    cut_in_at: int = 0

    @property
    def queued(self) -> int:
        """How many items are queued before the call."""
        return len(self.must) - self.puts_back

    @property
    def free(self) -> int:
        """How many slots are free before the call."""
        return int(self.intake.capacity) - self.queued - len(self.held) - len(self.loose) - self.boxed

    def run(self, injector: Injector, hook: Hook) -> Any:
        """Make the call with a hook before each bytecode."""
        cut_in, cut_in_at = self.cut_in, self.cut_in_at
        if cut_in is None:
            return injector.run(self.call, hook)

        def both(at: int, code: CodeType, offset: int) -> None:
            if at == cut_in_at:
                cut_in()
            hook(at, code, offset)

        return injector.run(self.call, both)


@final
@dataclass(frozen=True, slots=True)
class Operation:
    """Name an operation, what an implementation must be able to do for it, and how to make its stage."""

    name: str
    needs: frozenset[str]
    prepare: Callable[[Subject], Stage]


def _filled(subject: Subject, capacity: int, *items: Any) -> Any:
    intake = subject.Intake(capacity)
    for item in items:
        intake.offer(item)
    return intake


def _seen(intake: Any) -> Any:
    lease = intake.take(timeout=0)
    _ = lease.item
    return lease


def _held(subject: Subject, intake: Any) -> list[Any]:
    """Take an item that stays in flight, in its slot; none stays where taking frees the slot."""
    lease = _seen(intake)
    if _freed_by_taking(subject):
        lease.release()
        return []
    return [lease]


def _freed_by_taking(subject: Subject) -> int:
    """Tell how many slots taking one item frees: one where the bound is on what is queued."""
    return int("release" not in capabilities_of(subject))


def _offer(subject: Subject) -> Stage:
    intake = _filled(subject, 3, "a")
    return Stage(intake, lambda: intake.offer("b"), must=["a"], may=["b"], claims=1)


def _offer_full(subject: Subject) -> Stage:
    intake = _filled(subject, 1, "a")
    return Stage(intake, lambda: intake.offer("b"), must=["a"], may=["b"])


def _offer_closed(subject: Subject) -> Stage:
    intake = _filled(subject, 2, "a")
    intake.close()
    return Stage(intake, lambda: intake.offer("b"), must=["a"], closed=True)


def _take(subject: Subject) -> Stage:
    intake = _filled(subject, 3, "a", "b")
    return Stage(intake, lambda: intake.take(timeout=0), must=["a", "b"], takes=1, frees=_freed_by_taking(subject))


def _take_empty(subject: Subject) -> Stage:
    intake = subject.Intake(2)
    return Stage(intake, lambda: intake.take(timeout=0))


def _take_closed(subject: Subject) -> Stage:
    intake = subject.Intake(2)
    intake.close()
    return Stage(intake, intake.take, closed=True)


def _take_last(subject: Subject) -> Stage:
    intake = _filled(subject, 2, "a")
    intake.close()
    return Stage(intake, intake.take, must=["a"], takes=1, frees=_freed_by_taking(subject), closed=True)


def _look(subject: Subject) -> Stage:
    intake = _filled(subject, 3, "a", "b")
    lease = intake.take(timeout=0)
    return Stage(intake, lambda: lease.item, held=[lease], must=["b"])


def _release(subject: Subject) -> Stage:
    intake = _filled(subject, 3, "a", "b")
    lease = _seen(intake)
    return Stage(intake, lease.release, loose=[lease], must=["b"], frees=1)


def _release_closed(subject: Subject) -> Stage:
    intake = _filled(subject, 2, "a", "b")
    lease = _seen(intake)
    intake.close()
    return Stage(intake, lease.release, loose=[lease], must=["b"], frees=1, closed=True)


def _drop_seen(subject: Subject) -> Stage:
    intake = _filled(subject, 3, "a", "b")
    box = [_seen(intake)]
    return Stage(intake, box.clear, must=["b"], may=["a"], boxed=1, frees=1)


def _drop_unseen(subject: Subject) -> Stage:
    intake = _filled(subject, 3, "a", "b")
    box = [intake.take(timeout=0)]
    return Stage(intake, box.clear, must=["b", "a"], boxed=1, puts_back=1)


def _drop_seen_closed(subject: Subject) -> Stage:
    stage = _drop_seen(subject)
    stage.intake.close()
    stage.closed = True
    return stage


def _close(subject: Subject) -> Stage:
    intake = _filled(subject, 3, "a", "b")
    held = _held(subject, intake)
    return Stage(intake, intake.close, held=held, must=["b"], closes=True)


def _drain(subject: Subject) -> Stage:
    intake = subject.Intake(2)
    return Stage(intake, lambda: intake.drain(timeout=0), closes=True)


def _drain_busy(subject: Subject) -> Stage:
    intake = _filled(subject, 3, "a", "b")
    held = _held(subject, intake)
    return Stage(intake, lambda: intake.drain(timeout=0), held=held, must=["b"], closes=True)


def _statistics(subject: Subject) -> Stage:
    intake = _filled(subject, 3, "a", "b")
    held = _held(subject, intake)
    return Stage(intake, intake.statistics, held=held, must=["b"])


def _operation(name: str, needs: str, prepare: Callable[[Subject], Stage]) -> Operation:
    return Operation(name, frozenset(needs.split()), prepare)


OPERATIONS: Final[tuple[Operation, ...]] = (
    _operation("offer", "offer", _offer),
    _operation("offer to a full intake", "offer", _offer_full),
    _operation("offer to a closed intake", "offer close", _offer_closed),
    _operation("take", "take", _take),
    _operation("take from an empty intake", "take", _take_empty),
    _operation("take from a closed intake", "take close wait", _take_closed),
    _operation("take the last item of a closed intake", "take close wait", _take_last),
    _operation("look at the item", "drop", _look),
    _operation("release", "release", _release),
    _operation("release after close", "release close", _release_closed),
    _operation("drop a seen lease", "drop", _drop_seen),
    _operation("drop a seen lease after close", "drop close", _drop_seen_closed),
    _operation("drop an unseen lease", "drop", _drop_unseen),
    _operation("close", "close", _close),
    _operation("drain", "drain", _drain),
    _operation("drain a busy intake", "drain", _drain_busy),
    _operation("statistics", "statistics", _statistics),
)


def operations_of(subject: Subject) -> tuple[Operation, ...]:
    """Choose the operations that an implementation has."""
    return tuple(operation for operation in OPERATIONS if operation.needs <= capabilities_of(subject))


def confirm_s(subject: Subject) -> float:
    """How long to look on before a call is first said to wait for ever: of a control, whose faults are known, no longer."""
    return 0.0 if isinstance(subject, Adapted) and not subject.arrivals_only else CONFIRM_S


@contextmanager
def sweeping(subject: Subject) -> Generator[Injector]:
    """Give an injector for an implementation, with finalisers' exceptions silenced and no collection of its own accord."""
    with quiet_finalisers(), injector_for(subject) as injector:
        yield injector


def _make(subject: Subject) -> Stage:
    return Stage(_filled(subject, 2, "a"), lambda: subject.Intake(3), must=["a"])


MAKE: Final = Operation("make", WHOLE, _make)


@final
class Overtaken:
    """Make offers that a close overtakes after their claim.

    The close cuts in where that takes the offer the longest way, and at the last such place: before it, those who wait could be
    told that all slots are at home.
    """

    def __init__(self, subject: Subject, injector: Injector) -> None:
        self.at, self.bytecodes = 0, 0
        for cut_in_at in range(1, 1000):
            stage = self._stage(subject, cut_in_at)
            last = 0

            def hook(at: int, _code: CodeType, _offset: int) -> None:
                nonlocal last
                last = at

            answer = stage.run(injector, hook)
            if last < cut_in_at:
                break
            if answer is subject.Outcome.CLOSED and last >= self.bytecodes:
                self.at, self.bytecodes = cut_in_at, last

    @staticmethod
    def _stage(subject: Subject, cut_in_at: int) -> Stage:
        intake = _filled(subject, 2, "a")
        return Stage(
            intake,
            lambda: intake.offer("b"),
            must=["a"],
            may=["b"],
            claims=1,
            closes=True,
            cut_in=intake.close,
            cut_in_at=cut_in_at,
        )

    def operation(self) -> Operation:
        """Give the operation."""
        return Operation("offer overtaken by a close", frozenset({"offer", "close"}), lambda subject: self._stage(subject, self.at))
