"""What is to be proved, and what the solver says of it.

An obligation *holds* if under its hypotheses no values make its claim false; one that *occurs* asks for values that make its claim
true, and runs the specification on them as plain Python to see it happen. Hypotheses that nothing meets make an obligation vacuous,
which is as bad as refuted. Z3's `unknown` is UNKNOWN.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Final, Literal, cast

from .. import clauses, machine, net
from ..check import Verdict
from . import solver as z3
from .symbolic import Formula, Law, Path, Symbolic, an_int, paths, unknown, value_in

LIMIT_MS: Final = 10_000  # for one question; they take a few
MACHINE: Final = ("the invariant holds before",)

Story = tuple[tuple[str, Any], ...]


class Stopped(Exception):
    """Raised where somebody has stopped the solver: no answer, and no wish for another question."""


class Base:
    """Hold hypotheses, with a solver that has been told of them."""

    def __init__(self, *hypotheses: Formula) -> None:
        self.hypotheses: Final = hypotheses
        self.solver: Final[Any] = z3.Solver()
        self.solver.set("timeout", LIMIT_MS)
        self.solver.set("random_seed", 0)
        self.solver.set("ctrl_c", False)  # or it would take Ctrl-C for itself, and go on with the next question
        self.solver.add(*hypotheses)

    @functools.cached_property
    def met(self) -> str:
        """Tell whether anything meets the hypotheses: "sat", "unsat" or "unknown"."""
        return self._check()

    def ask(self, question: Formula) -> tuple[str, Any]:
        """Tell whether something meets the hypotheses and the question, and give the model if so."""
        self.solver.push()
        try:
            self.solver.add(question)
            answer = self._check()
            return answer, self.solver.model() if answer == "sat" else None
        finally:
            self.solver.pop()

    def _check(self) -> str:
        answer = str(self.solver.check())
        if answer == "unknown" and self.solver.reason_unknown() == "interrupted":  # not by its limit
            raise Stopped
        return answer


@dataclass(frozen=True, slots=True)
class Goal:
    """Ask one question. story: what to show of a model, each with a label. replay: see it happen with those values."""

    base: Base
    claim: Formula
    story: Story = ()
    replay: Callable[..., bool] | None = None


@dataclass(frozen=True, slots=True)
class Obligation:
    """Describe what is to be proved: its name, "family.detail"; the clauses it bears on; what it says; under which hypotheses."""

    name: str
    clauses: tuple[str, ...]
    says: str
    hypotheses: tuple[str, ...]
    goals: tuple[Goal, ...] = field(repr=False)
    wanted: Literal["holds", "occurs"] = "holds"

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Finding:
    """Tell what became of an obligation. account: for ILLEGAL the counterexample, for UNKNOWN what could not be decided."""

    obligation: Obligation
    verdict: Verdict
    seconds: float
    account: str = ""


def judge(obligation: Obligation) -> Finding:
    """Put an obligation to the solver."""
    start_s = time.perf_counter()
    verdict, account = _judge(obligation)
    return Finding(obligation, verdict, time.perf_counter() - start_s, account)


def _judge(obligation: Obligation) -> tuple[Verdict, str]:
    if not obligation.goals:
        return Verdict.ILLEGAL, "vacuous: nothing meets its hypotheses"
    verdict, account = Verdict.OK, ""
    for goal in obligation.goals:
        found, told = _hold(goal) if obligation.wanted == "holds" else _occur(goal)
        if found is Verdict.ILLEGAL:
            return found, told
        if found is Verdict.UNKNOWN:
            verdict, account = found, told
    return verdict, account


def _hold(goal: Goal) -> tuple[Verdict, str]:
    answer, model = goal.base.ask(z3.Not(goal.claim))
    if answer == "sat":
        return Verdict.ILLEGAL, tell(model, goal.story)
    if answer != "unsat":
        return Verdict.UNKNOWN, "the solver answers unknown"
    if goal.base.met == "unsat":
        return Verdict.ILLEGAL, "vacuous: nothing meets its hypotheses"
    return (Verdict.OK, "") if goal.base.met == "sat" else (Verdict.UNKNOWN, "whether its hypotheses can be met is unknown")


def _occur(goal: Goal) -> tuple[Verdict, str]:
    answer, model = goal.base.ask(goal.claim)
    if answer == "unsat":
        return Verdict.ILLEGAL, "nothing meets it"
    if answer != "sat":
        return Verdict.UNKNOWN, "the solver answers unknown"
    if goal.replay is not None and not goal.replay(*(value_in(model, value) for _, value in goal.story)):
        return Verdict.ILLEGAL, f"the specification does otherwise when it is run\n{tell(model, goal.story)}"
    return Verdict.OK, ""


def tell(model: Any, story: Story) -> str:
    """Write what a model makes of some values, one a line."""
    width = max((len(label) for label, _ in story), default=0)
    return "\n".join(f"{label:{width}}  {readable(value_in(model, value))}" for label, value in story)


def readable(value: Any) -> str:
    """Write a state in a few words: the fields that are not zero, empty or false."""
    if not dataclasses.is_dataclass(value):
        return str(value)
    shown: list[tuple[str, Any]] = [(each.name, getattr(value, each.name)) for each in dataclasses.fields(value)]
    return ", ".join(name if one is True else f"{name} {_plain(one)}" for name, one in shown if one or name in ("capacity", "free"))


def _plain(value: Any) -> Any:
    return list(cast(Any, value)) if isinstance(value, tuple) else value


# The specification as the solver sees it.


@dataclass(frozen=True, slots=True)
class Action:
    """Hold one action of the state machine: its name, its guard, and whether it takes the position of a lease."""

    name: str
    guard: Callable[..., Any]
    act: Callable[..., Any]
    of_lease: bool


def _always(_: object) -> bool:
    return True


def load(source: str, of: Any) -> Mapping[str, Any]:
    """Run a changed source text of a module in a namespace of its own."""
    namespace: dict[str, Any] = {"__name__": of.__name__, "__package__": of.__package__, "__file__": of.__file__}
    exec(compile(source, f"<changed {of.__name__}>", "exec", dont_inherit=True), namespace)
    return namespace


class World:
    """Hold the specification as the solver sees it: the module's own functions on unknown values, or those of a changed module."""

    def __init__(self, machine_: Mapping[str, Any] | None = None, net_: Mapping[str, Any] | None = None, only: str = "") -> None:
        self.only: Final = only
        self._steps: Final[dict[str, tuple[Step, ...]]] = {}
        self.plain: Final[Mapping[str, Any]] = machine_ or vars(machine)
        self.plain_net: Final[Mapping[str, Any]] = net_ or vars(net)
        self.machine: Final = Symbolic(self.plain)
        self.net: Final = Symbolic(self.plain_net)
        self.before: Final[Any] = unknown(self.plain["State"], "before")
        self.after: Final[Any] = unknown(self.plain["State"], "after")
        self.at: Final[Any] = unknown(self.plain_net["Net"], "net")
        self.item: Final = an_int("i")
        self._laws: Final[dict[str, Law]] = {}

    def law(self, name: str) -> Law:
        """Give a predicate of the state machine on one state, as a formula."""
        return self._law(name, self.machine.functions[name], self.before)

    def step_law(self, name: str) -> Law:
        """Give a predicate on a step."""
        return self._law(name, self.machine.functions[name], self.before, self.after)

    def lease_law(self, name: str) -> Law:
        """Give a guard that takes the position of a lease."""
        return self._law(name, self.machine.functions[name], self.before, self.item)

    def net_law(self, name: str) -> Law:
        """Give a predicate of the net."""
        return self._law(f"net.{name}", self.net.functions[name], self.at)

    def _law(self, key: str, predicate: Callable[..., Any], *arguments: Any) -> Law:
        if key not in self._laws:
            self._laws[key] = Law(predicate, *arguments)
        return self._laws[key]

    @functools.cached_property
    def actions(self) -> tuple[Action, ...]:
        """Every action of the state machine, in the order of its tables."""
        one: list[tuple[Callable[..., Any], Callable[..., Any], bool]] = [
            (guard, act, False) for guard, act in self.plain["ACTIONS"]
        ]
        one += [(_always, self.plain["close"], False)]
        one += [(guard, act, True) for guard, act in self.plain["LEASE_ACTIONS"]]
        return tuple(
            Action(act.__name__, guard if guard is _always else self.machine.of(guard), self.machine.of(act), of_lease)
            for guard, act, of_lease in one
        )

    def arguments(self, action: Action) -> tuple[Any, ...]:
        """Give what an action is applied to: an unknown state, and the position of a lease if it takes one."""
        return (self.before, self.item) if action.of_lease else (self.before,)

    def enabled(self, action: Action) -> Formula:
        """Say that an action is enabled before."""
        if action.guard is _always:
            return z3.BoolVal(True)
        return (self.lease_law if action.of_lease else self.law)(action.guard.__name__).formula

    def wanted(self, prefix: str) -> bool:
        """Tell whether obligations whose names begin so are asked for: all are, unless there is one only."""
        return not self.only or self.only.startswith(prefix)

    def steps(self, name: str) -> tuple["Step", ...]:
        """Give every way through an action, from any state that satisfies the invariant."""
        if name not in self._steps:
            (action,) = [each for each in self.actions if each.name == name]
            self._steps[name] = self._ways(action)
        return self._steps[name]

    def _ways(self, action: Action) -> tuple["Step", ...]:
        hypotheses = (self.law("invariant").formula, self.enabled(action))
        found = paths(action.act, *self.arguments(action))
        story = (("before", self.before), (f"{action.name} of lease", self.item))[: len(self.arguments(action))]
        return feasible(action.name, hypotheses, found, story)


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one way through an action that some state can take: under which hypotheses, and what comes after."""

    name: str
    base: Base
    path: Path
    story: Story

    @property
    def after(self) -> Any:
        return self.path.value


def feasible(name: str, hypotheses: Sequence[Formula], found: Sequence[Path], story: Story) -> tuple[Step, ...]:
    """Keep the paths that something can take."""
    steps: list[Step] = []
    for path in found:
        base = Base(*hypotheses, path.condition)
        if base.met != "unsat":
            after = () if path.error else (("after", path.value),)
            how = (*story, *after) if len(story) > 1 else (*story, *((f"after {name}", value) for _, value in after))
            steps.append(Step(name, base, path, how))
    return tuple(steps)


def clauses_of(predicate: str) -> tuple[str, ...]:
    """Give the clauses that a predicate of the state machine makes precise."""
    return tuple(each.id for each in clauses.CLAUSES if predicate in {one.__name__ for one in each.predicates if _ours(one)})


def _ours(predicate: Callable[..., Any]) -> bool:
    return isinstance(predicate, FunctionType) and predicate.__module__ == machine.__name__


STATE_PREDICATES: Final = ("bound_1", "bound_2", "ledger_1", "close_2", "peak_1", "recover_1")
STEP_PREDICATES: Final = ("fixed_1", "exact_1", "explicit_1", "noretry_1", "local_1", "lease_1", "close_1", "peak_2")
STATE_CLAUSES: Final = tuple(dict.fromkeys(each for name in STATE_PREDICATES for each in clauses_of(name)))
STEP_CLAUSES: Final = tuple(dict.fromkeys(each for name in STEP_PREDICATES for each in clauses_of(name)))
