"""Every schedule of a few calls on somebody else's intake: what stress can't show, that no order of two threads' steps breaks it.

The threads run the intake's real bytecode, its locks, conditions and waits simulated (`tidegate_specs.explore`): with up to three
preemptions at the accesses to what they share, and with one at every opcode. The reduction is not used: it takes two conditions
that share a lock to have nothing to do with each other. Of code that is not scheduled (C, and modules that `judged` does not name)
a call is one step.
"""

import sys
import traceback
import types
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Final

from .. import machine
from ..check import Check, Result, Settings, Subject, Verdict, capabilities_of, needs
from ..explore.explorer import Grain, explore, sites_of
from ..explore.history import Caller, History, Operation
from ..explore.intake_model import intake_model
from ..explore.linearizability import Done, Model, Phase
from ..explore.linearizability import check as linearize
from ..explore.program import Program, Report
from ..explore.runs import WaitsInEarnest
from .adapter import Adapted
from .plays import CLOSES, OFFERS, TAKES, WAITS, Play

SECONDS: Final = {"quick": 12.0, "full": 90.0}  # for one play at one grain; cut short it is UNKNOWN
BOUNDS: Final[tuple[tuple[Grain, int], ...]] = (("access", 3), ("opcode", 1))  # grains, and preemptions
NOT_SCHEDULED: Final = frozenset(
    {"tidegate_specs.conformance.adapter", "tidegate_specs.conformance.limiter", "typing", "abc", "threading", "enum"}
)
NO_RACE: Final = (
    AttributeError,
    TypeError,
    NameError,
    ImportError,
    NotImplementedError,
)  # more likely a stand-in that lacks something
MEET: Final = 2  # schedules in which no thread comes in between another's steps
MANY: Final = 9  # takes of what can be there
Body = Callable[[Any, Caller], None]


def applies_to(check: Check, subject: Subject) -> bool:
    """Tell that they are for somebody else's intake: the kernel has `explore`. What waits in C can't be had to wait otherwise."""
    return isinstance(subject, Adapted) and not (subject.native and check.name in ("schedules.waits", "schedules.closes"))


def modules_of(subject: Adapted) -> tuple[types.ModuleType, ...]:
    """Give the modules whose bytecode is scheduled: where the adapter and what it judges are written, and nothing of ours."""
    written = [str(function.__globals__.get("__name__", "")) for function in _functions(subject)]
    told = [kind.__module__ for kind in _kinds(subject)]  # where a class says that it is, which a package may have changed
    found = [sys.modules[name] for name in dict.fromkeys([*written, *told]) if name in sys.modules and name not in NOT_SCHEDULED]
    return tuple(module for module in found if str(getattr(module, "__file__", "")).endswith(".py"))


def _kinds(subject: Adapted) -> list[type[Any]]:
    return [base for kind in (subject.kind, *subject.judged) for base in kind.__mro__]


def _functions(subject: Adapted) -> list[types.FunctionType]:
    return [member for kind in _kinds(subject) for member in vars(kind).values() if isinstance(member, types.FunctionType)]


def not_scheduled(subject: Adapted) -> list[str]:
    """Name the judged functions between whose steps no other thread could be had to come in."""
    modules = modules_of(subject)
    scheduled, files = set(sites_of(modules).codes), {module.__file__ for module in modules}
    codes = [function.__code__ for function in _functions(subject)]
    return [code.co_qualname for code in codes if code.co_filename in files and code not in scheduled]


@dataclass
class _Stage:
    """Play on one intake after the other, each made for one schedule.

    found: by clause, the first fault. going_on: do not stop at one. unasked: in some schedule the answers were not compared with
    the specification, as another fault spoils them.
    """

    subject: Adapted
    play: Play
    going_on: bool = False
    found: dict[str, str] = field(default_factory=dict[str, str])
    unasked: bool = False

    @property
    def keeps(self) -> bool:
        """Tell whether a lease keeps its slot until it is released."""
        return "release" in self.subject.capabilities

    def program(self) -> Program:
        """Give the program to explore."""
        bodies = tuple(self._body(calls) for calls in self.play.threads)
        return Program(self.play.name, modules_of(self.subject), self._make, bodies, self._check, _answers)

    def _make(self) -> Any:
        intake = self.subject.Intake(self.play.capacity)
        for item in self._filled():
            intake.offer(item)
        return intake

    def _filled(self) -> list[str]:
        return [f"early {number}" for number in range(self.play.filled)]

    def _body(self, calls: tuple[str, ...]) -> Body:
        def body(intake: Any, call: Caller) -> None:
            for words in calls:
                verb, _, item = words.partition(" ")
                if verb == "offer":
                    call("offer", item, _answered, lambda item=item: str(intake.offer(item).name))
                elif verb == "close":
                    call("close", None, _answered, intake.close)
                else:
                    self._take(intake, call, may_end=verb == "take")

        return body

    def _take(self, intake: Any, call: Caller, *, may_end: bool) -> None:
        leases: list[Any] = []
        call("take", may_end, _answered, lambda: self._taken(intake, leases, may_end=may_end))
        for lease in leases:
            call("release", call.operations[-1].result, _answered, lease.release)

    def _taken(self, intake: Any, leases: list[Any], *, may_end: bool) -> Hashable:
        try:
            lease = intake.take(timeout=0 if may_end else None)
        except self.subject.Empty:
            return "Empty"
        except self.subject.Closed:
            return "Closed"
        item: Hashable = lease.item
        if self.keeps:
            leases.append(lease)
        else:
            lease.release()
        return item

    # After each schedule.

    def _check(self, intake: Any, history: History) -> str:
        faults = self._faults(intake, history.operations())
        for clause, told in faults.items():
            self.found.setdefault(clause, told)
        return "" if self.going_on else next(iter(faults.values()), "")

    def _faults(self, intake: Any, operations: list[Operation]) -> dict[str, str]:
        """Give the clauses that are broken, and how."""
        if raised := [op for op in operations if str(op.result).startswith("raised ")]:
            self.unasked = True
            return {"LOCAL-1": f"{raised[0].name} {raised[0].result}"}
        faults: dict[str, str] = {}
        accepted = self._filled() + [op.argument for op in operations if op.name == "offer" and op.result == "ACCEPTED"]
        taken = [op.result for op in operations if op.name == "take" and op.result not in ("Empty", "Closed")]
        left = self._left(intake)
        if len(left) > self.play.capacity:
            faults["BOUND-1"] = f"{len(left)} items are held where there is room for {self.play.capacity}"
        if sorted(map(str, [*taken, *left])) != sorted(map(str, accepted)):
            faults["LOCAL-1"] = f"accepted {accepted}, taken {taken}, and then still there {left}"
        if refilled := self._refilled(intake, operations):
            faults.setdefault(*refilled)
        if faults:
            self.unasked = True
        elif unexplained := self._unexplained(operations):
            faults.setdefault(*unexplained)
        return faults

    def _left(self, intake: Any) -> list[Any]:
        """Take all that is there."""
        leases: list[Any] = []
        try:
            while len(leases) < MANY:
                leases.append(intake.take(timeout=0))
        except (self.subject.Empty, self.subject.Closed):
            pass
        items = [lease.item for lease in leases]
        for lease in leases:
            lease.release()
        return items

    def _refilled(self, intake: Any, operations: list[Operation]) -> tuple[str, str] | None:
        """See that as many offers as there are slots are accepted again; or, once closed, none."""
        if "refuses" not in self.subject.capabilities:
            return None
        closed = any(op.name == "close" for op in operations)
        due = 0 if closed else self.play.capacity
        count = [bool(intake.offer(number)) for number in range(self.play.capacity + 1)].count(True)
        if count == due:
            return None
        told = f"once all was taken, {count} offers were accepted, and not {due}"
        return "CLOSE-1" if closed else "BOUND-1" if count > due else "BOUND-2", told

    def _unexplained(self, operations: list[Operation]) -> tuple[str, str] | None:
        """Ask the specification whether some order of actions explains all answers: exactness and order."""
        if "refuses" not in self.subject.capabilities:
            return None
        model = _model(self.play.capacity, keeps=self.keeps)
        later = [_later(op, len(self._filled())) for op in operations]
        # No clause says when a take that may not wait is to find an item that is there: its Empty accuses nobody.
        later = [_unanswered(op) if op.result == "Empty" and op.argument is True else op for op in later]
        whole = [*_before(self._filled()), *later]
        found = linearize(whole, model)
        if found.verdict is not Verdict.ILLEGAL:
            return None
        for clause, answer in (("EXACT-1", "FULL"), ("CLOSE-2", "Closed")):
            others = [_unanswered(op) if op.result == answer else op for op in whole]
            if others != whole and linearize(others, model).verdict is Verdict.OK:
                return clause, found.timeline.partition("\n")[0]
        return "LOCAL-1", found.timeline.partition("\n")[0]


def _answered(call: Callable[[], Hashable]) -> Hashable:
    """Make a call; one that raises what no order of these calls should bring about is answered with that."""
    try:
        return call()
    except NO_RACE:
        raise
    except Exception as error:  # noqa: BLE001 - any
        return f"raised {type(error).__name__}: {error}"


def _answers(_intake: Any, history: History) -> Hashable:
    return history.results()


def _before(items: Sequence[str]) -> list[Operation]:
    """Give the offers that were accepted before the threads began."""
    found: list[Operation] = []
    for number, item in enumerate(items):
        found.append(Operation(0, "offer", item))
        found[-1].result, found[-1].began, found[-1].ended = "ACCEPTED", number, number
    return found


def _later(op: Operation, steps: int) -> Operation:
    other = Operation(op.thread, op.name, op.argument)
    other.result, other.began, other.ended = op.result, op.began + steps, op.ended + steps if op.ended >= 0 else -1
    return other


def _unanswered(op: Operation) -> Operation:
    """Give the same call as if it had not returned: is the rest explained?"""
    other = _later(op, 0)
    other.ended = -1
    return other


def _model(capacity: int, *, keeps: bool) -> Model:
    """Give the specification; where a take frees the slot, taking and releasing are one action."""
    model = intake_model(capacity)
    return model if keeps else Model(model.initial, lambda world, op, phase: _freeing(model, world, op, phase))


def _freeing(model: Model, world: Any, op: Operation, phase: Phase) -> list[tuple[Any, Phase]]:
    found: list[tuple[Any, Phase]] = []
    for after, reached in model.step(world, op, phase):
        took = op.name == "take" and isinstance(reached, Done) and reached.result not in ("Empty", "Closed")
        if took:
            seen = machine.look(after.state, len(after.state.unseen) - 1)
            found.append((replace(after, state=machine.release(seen, len(seen.seen) - 1)), reached))
        else:
            found.append((after, reached))
    return found


def _run(subject: Subject, settings: Settings, plays: Sequence[Play]) -> Result:
    assert isinstance(subject, Adapted)
    if "bytecode" not in capabilities_of(subject) and not subject.native:
        told = "not judged: `bytecode` is not declared, and threads that run freely show of no race that it is absent"
        return Result(Verdict.UNKNOWN, told)
    if left_out := not_scheduled(subject):
        return Result(Verdict.UNKNOWN, f"not judged: the steps of {', '.join(left_out[:3])} can't be scheduled")
    counts: Counter[Grain] = Counter()
    for play, (grain, bound) in product(plays, BOUNDS):
        stage = _Stage(subject, play)
        try:
            report = explore(stage.program(), grain=grain, bound=bound, seconds=SECONDS[settings.profile])
        except WaitsInEarnest as error:
            return Result(Verdict.UNKNOWN, f"{play.name}: {error}")
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being explored
            return Result(Verdict.UNKNOWN, f"{play.name}: {type(error).__name__} on the way", traceback.format_exc())
        if report.faults:
            return _illegal(stage, report, grain, plays, settings)
        if not report.exhausted or (grain == "opcode" and report.schedules <= MEET):
            why = report.why_not or "in which the threads never meet"
            return Result(Verdict.UNKNOWN, f"{play.name}: {report.schedules:,} schedules, {why}")
        counts[grain] += report.schedules
    told = f"{counts['access']:,} schedules with up to 3 preemptions at accesses, {counts['opcode']:,} with one at any opcode"
    told += f"; of {', '.join(module.__name__ for module in modules_of(subject))}"
    return Result(Verdict.OK, told)


def _illegal(stage: _Stage, report: Report, grain: Grain, plays: Sequence[Play], settings: Settings) -> Result:
    fault = report.faults[0]
    deadlocked = fault.message.startswith("deadlock")  # a take that nobody wakes
    blamed = ("CLOSE-2" if stage.play in CLOSES else "LOCAL-1") if deadlocked else next(iter(stage.found))
    told = f"capacity {stage.play.capacity}, {stage.play.name}: {fault.message}"
    witness = f"{told}\n{fault.timeline}\nschedule {fault.schedule}"
    found, cleared = _others(stage.subject, plays, settings)
    witnesses = {**found, **stage.found, blamed: witness}
    evidence = f"{told.partition(chr(10))[0]}, in schedule {report.schedules:,} at every {grain}"
    kept = tuple(id_ for id_ in cleared if id_ not in witnesses)
    return Result(Verdict.ILLEGAL, evidence, witness, tuple(witnesses), kept, witnesses=witnesses)


def _others(subject: Adapted, plays: Sequence[Play], settings: Settings) -> tuple[dict[str, str], tuple[str, ...]]:
    """Go on after a fault: give the clauses that are broken in any schedule, and those that are kept in all of them."""
    found: dict[str, str] = {}
    asked = True
    for play, (grain, bound) in product(plays, BOUNDS):
        stage = _Stage(subject, play, going_on=True)
        try:
            report = explore(stage.program(), grain=grain, bound=bound, seconds=SECONDS[settings.profile])
        except Exception:  # noqa: BLE001 - nothing is said of the others then
            return found, ()
        for clause, told in stage.found.items():
            found.setdefault(clause, f"capacity {play.capacity}, {play.name}: {told}")
        if not report.exhausted:
            return found, ()
        asked = asked and not stage.unasked
    compared = "refuses" in subject.capabilities  # with the specification, which alone tells order and exactness
    return found, ("BOUND-1", "BOUND-2", *(("EXACT-1", "LOCAL-1") if asked or not compared else ()))


def offers(subject: Subject, settings: Settings) -> Result:
    """Explore offers that meet."""
    return _run(subject, settings, OFFERS)


def takes(subject: Subject, settings: Settings) -> Result:
    """Explore takes that meet offers and each other."""
    return _run(subject, settings, TAKES)


def waits(subject: Subject, settings: Settings) -> Result:
    """Explore takes that wait."""
    return _run(subject, settings, WAITS)


def closes(subject: Subject, settings: Settings) -> Result:
    """Explore a close beside other calls."""
    return _run(subject, settings, CLOSES)


_NOT: Final = "Other plays, larger capacities, more threads; exceptions and handlers that come in between."


def _check(name: str, clauses: str, shows: str, run: Callable[[Subject, Settings], Result], words: str) -> Check:
    ids = tuple(clauses.split())
    return Check(f"schedules.{name}", "schedules", "explorer", ids, shows, _NOT, run, (90.0, 600.0), needs=needs(words))


CHECKS: Final[tuple[Check, ...]] = (
    _check(
        "offers",
        "BOUND-1 BOUND-2 EXACT-1 LOCAL-1",
        "Two threads offer at capacity 1 and 2, under every schedule: no more is accepted than there are slots, FULL is explained.",
        offers,
        "offer take threads",
    ),
    _check(
        "takes",
        "BOUND-1 BOUND-2 EXACT-1 LOCAL-1",
        "Two threads offer and take under every schedule: each accepted item comes out once, in order, and its slot is free again.",
        takes,
        "offer take threads",
    ),
    _check(
        "waits",
        "LOCAL-1",
        "A take that waits is woken by the offer that it waits for, under every schedule.",
        waits,
        "offer take wait threads",
    ),
    _check(
        "closes",
        "CLOSE-1 CLOSE-2",
        "A close beside an offer or a take that waits, under every schedule: what was accepted comes out, and the wait ends.",
        closes,
        "offer take wait close threads",
    ),
)
