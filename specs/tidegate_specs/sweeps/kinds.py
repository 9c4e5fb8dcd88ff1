"""Raise exceptions of every type that the implementation catches itself, where one can arrive: each comes out (INTERRUPT-1).

A signal handler may raise anything, and so may another thread. Where an `except IndexError` takes its own IndexError for an answer,
a foreign one must not become it: no FULL of an intake that has room, no Empty before its time, no False from a release that freed
the slot. So here the answer is compared too: the very object that was raised comes out, or, where it ended a finaliser, which has
no caller, the call's answer is the one that it gives undisturbed. Only where the interpreter looks: between two other bytecodes an
`except` may rely on being alone.

Then the same out of the calls into C that wait, and with others waiting, who must wake (CLOSE-2).
"""

import queue
from asyncio import CancelledError
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from types import CodeType
from typing import Final, final

from ..check import WHOLE, Subject, capabilities_of
from ..injection import Injector, Interrupt, quiet_finalisers
from ..progress import progress
from ..stops import handler_entries
from .audits import audit, interruption_of
from .interrupt import tell
from .operations import MAKE, Kind, Operation, Overtaken, Stage, confirm_s, operations_of, sweeping
from .party import ENDED, Party
from .waits import WaitsTally, waits

BUILT_IN: Final[tuple[Kind, ...]] = (
    IndexError, queue.Empty, Exception, ValueError, KeyError, AttributeError, TypeError, RuntimeError, OSError, ImportError,
    StopIteration, StopAsyncIteration, GeneratorExit, KeyboardInterrupt, SystemExit, RecursionError, MemoryError, CancelledError,
)  # fmt: skip
STUCK: Final = 10


_SUBCLASSES: Final[dict[Kind, Kind]] = {}


def subclass_of(kind: Kind) -> Kind:
    """Give a type of exception that only an `except` for its base can catch."""
    return _SUBCLASSES.setdefault(kind, type(f"Foreign{kind.__name__}", (kind,), {}))


def kinds_of(subject: Subject) -> tuple[tuple[Kind, ...], tuple[Kind, ...]]:
    """Give the types that an intake's own handlers name, and all others that are tried."""
    own = (IndexError, queue.Empty, subject.Empty, subject.Closed, Exception, AttributeError, OSError, ValueError)
    return own, tuple(kind for kind in BUILT_IN if kind not in own)


def every_one(subject: Subject) -> tuple[Kind, ...]:
    """Give all types, each with a subclass."""
    own, others = kinds_of(subject)
    return tuple(each for kind in (*own, *others) for each in (kind, subclass_of(kind)))


def chosen_at(subject: Subject, number: int, *, everything: bool) -> Sequence[Kind]:
    """Choose the types for the place with this number: all; or those that are caught, or their subclasses, and one other.

    Of two neighbouring places each has a type that the other has a subclass of.
    """
    if everything:
        return every_one(subject)
    own, others = kinds_of(subject)
    chosen = (*own, others[number // 2 % len(others)])
    return tuple(kind if (number + place) % 2 else subclass_of(kind) for place, kind in enumerate(chosen))


@final
@dataclass(slots=True)
class KindsTally:
    """Count exceptions and what became of them.

    places: where one can arrive. raised: exceptions there. lost: those that did not come out. unheard: that ended a finaliser.
    untrue: an answer that is not the one given undisturbed. refused: that was FULL. stuck: afterwards something waits for ever.
    broken: what the audit found.
    """

    places: int = 0
    operations: int = 0
    raised: int = 0
    lost: int = 0
    unheard: int = 0
    untrue: int = 0
    refused: int = 0
    stuck: int = 0
    broken: int = 0
    witness: str = ""
    by_kind: dict[str, int] = field(default_factory=dict[str, int])  # faults

    @property
    def cut_short(self) -> bool:
        """Tell whether too much waits for ever to go on."""
        return self.stuck >= STUCK

    def fault(self, kind: Kind, text: str) -> None:
        """Count a fault of a type, and keep the first account."""
        self.by_kind[kind.__name__] = self.by_kind.get(kind.__name__, 0) + 1
        self.witness = self.witness or text


def _next(subject: Subject) -> Stage:
    intake = subject.Intake(3)
    for item in ("a", "b"):
        intake.offer(item)
    leases = iter(intake)
    held = next(leases)
    return Stage(intake, partial(next, leases), held=[held], must=["b"], takes=1)


def _next_closed(subject: Subject) -> Stage:
    intake = subject.Intake(2)
    intake.close()
    return Stage(intake, partial(next, iter(intake)), closed=True)


ITERATE: Final = (
    Operation("ask an iterator for the next lease", WHOLE, _next),
    Operation("ask an iterator over a closed intake", WHOLE, _next_closed),
)


def operations_with_iterators(subject: Subject, injector: Injector) -> list[Operation]:
    """Give all operations that are swept here."""
    chosen = list(operations_of(subject))
    if capabilities_of(subject) >= WHOLE:
        chosen += [MAKE, *ITERATE]
        overtaken = Overtaken(subject, injector)
        if overtaken.at:
            chosen.append(overtaken.operation())
    return chosen


@final
@dataclass(slots=True)
class _Try:
    """One call with an exception before one of its bytecodes; `kind` None raises nothing.

    answer: the call's, or the type of what ended it, and `came_out` if that was the very object that was raised.
    """

    kind: Kind | None = None
    where: str = ""
    raised: bool = False
    came_out: bool = False
    unheard: bool = False
    answer: str = ""
    fault: str = ""

    def run(self, subject: Subject, injector: Injector, operation: Operation, position: int) -> None:
        """Make the call, and audit what is left."""
        stage = operation.prepare(subject)
        kind, mark = self.kind or Interrupt, object()

        def hook(at: int, code: CodeType, offset: int) -> None:
            if at == position:
                self.where = f"{code.co_qualname}+{offset}"
                if self.kind is not None and offset not in handler_entries(code):
                    self.raised = True
                    raise kind(mark)

        with quiet_finalisers() as unraisable:
            answer, self.came_out = interruption_of(injector, stage, hook, kind, mark)
            self.unheard = kind.__name__ in unraisable.names
        out = [answer.item] if hasattr(answer, "release") else []
        self.answer = "a lease" if out else str(getattr(answer, "__name__", answer))
        if out:
            answer.release()
        answer = None
        found = audit(subject, stage, out)
        if (found.slots, found.lost, found.doubled, found.books) != (found.capacity, 0, 0, ""):
            self.fault = tell(found)


def every_kind(subject: Subject, *, everything: bool = False, injector_given: Injector | None = None) -> KindsTally:
    """Raise an exception of each type in turn at each place of each operation where one can arrive.

    everything: all types at each place, and all operations; else it ends with the first operation in which there was a fault.
    """
    if injector_given is None:
        with sweeping(subject) as injector:
            return every_kind(subject, everything=everything, injector_given=injector)
    injector = injector_given
    tally = KindsTally()
    chosen = operations_with_iterators(subject, injector)
    injector.arrivals_only = True
    party = Party()
    for operation in chosen:
        if tally.witness and not everything:
            break
        progress(f"exceptions of every type in {operation.name}, {tally.raised:,} so far")
        calm = _Try()
        calm.run(subject, injector, operation, 0)
        right = _form_of(calm.answer)
        tally.operations += 1
        position, reached = 0, True
        while reached and tally.stuck < STUCK:
            position += 1
            reached = False
            for kind in chosen_at(subject, tally.places, everything=everything):
                if operation in ITERATE and issubclass(kind, StopIteration):
                    continue  # which is how an iterator ends: nobody can tell one from the other
                one = _Try(kind)
                party.start(partial(one.run, subject, injector, operation, position))
                event = party.wait(confirm_s(subject))
                if event == ENDED and party.error is None and not one.where:
                    break
                reached = True
                if not one.raised:
                    break
                tally.raised += 1
                party = _judge(tally, operation, one, right, event, party)
                if event != ENDED and tally.stuck >= STUCK:
                    break
            tally.places += reached
    party.dismiss()
    return tally


def _form_of(answer: str) -> str:
    """Leave out of an answer what differs from one intake to another of its kind."""
    return answer if "object at 0x" not in answer else answer.partition(" object at 0x")[0]


def _judge(tally: KindsTally, operation: Operation, one: _Try, right: str, event: str, party: Party) -> Party:
    kind = one.kind or Interrupt
    where = f"{operation.name}, {kind.__name__} raised at {one.where}"
    if event != ENDED:
        tally.stuck += 1
        tally.fault(kind, f"{where}: afterwards {party.where()} waits for ever")
        return Party()
    if party.error is not None:
        tally.broken += 1
        tally.fault(kind, f"{where}: afterwards {party.text}")
        return party
    tally.unheard += one.unheard
    if not one.came_out:
        answer = _form_of(one.answer)
        if not one.unheard:
            tally.lost += 1
            tally.fault(kind, f"{where}: it did not come out; the call was answered {answer}, and {right} undisturbed")
        if answer != right:
            tally.untrue += 1
            tally.refused += answer == "Outcome.FULL"
            tally.fault(kind, f"{where}: the call was answered {answer}, and {right} undisturbed")
    if one.fault:
        tally.broken += 1
        tally.fault(kind, f"{where}: {one.fault}")
    return party


def waits_of(subject: Subject, *, everything: bool = False) -> WaitsTally:
    """Have exceptions of the types that a wait ends with, or of all, come out of the calls that wait."""
    whole = WaitsTally()
    ends = (queue.Empty, subject.Empty, subject.Closed, subclass_of(queue.Empty), Exception, StopIteration)
    for kind in every_one(subject) if everything else ends:
        whole.add(waits(subject, kind))
    return whole
