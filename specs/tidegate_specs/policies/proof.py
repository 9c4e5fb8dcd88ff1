"""Prove, for every capacity, that each step under a policy of time is a step of the wall's machine, and that its laws are kept.

It is the machinery of `tidegate_specs.prove`: the functions of `policies.machine` and of `machine` themselves run on unknown
values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from .. import machine as wall
from ..prove import solver as z3
from ..prove.obligation import Base, Finding, Goal, Obligation, Story, feasible, judge, load
from ..prove.symbolic import Formula, Law, Symbolic, an_int, expression, paths, unknown
from . import machine

WALL_FIELDS: Final = tuple(field.name for field in fields(wall.State))
STATE_PREDICATES: Final[Mapping[str, tuple[str, ...]]] = {
    "fresh_1": ("FRESH-1",),
    "fresh_2": ("FRESH-2",),
    "policy_3": ("POLICY-3",),
}
STEP_PREDICATES: Final[Mapping[str, tuple[str, ...]]] = {"policy_2": ("POLICY-2",)}
EXPECTED: Final = 130  # obligations, asserted so that one that is left out is noticed
OF_A_LEASE: Final = ("look", "put_back", "release", "abandon")


def _always(_: object) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Act:
    """Hold one action: its guard, and the wall's that it is. kind: what it takes beside a state ("", "lease", "ages")."""

    guard: Callable[..., Any]
    act: Callable[..., Any]
    of_wall: str
    kind: str


class World:
    """Hold both machines as the solver sees them; the policy's may be a changed one, or another policy's.

    states, steps: its predicates, with the clauses that they bear on. family: how the names of its obligations begin.
    """

    def __init__(
        self,
        policy: Mapping[str, Any] | None = None,
        states: Mapping[str, tuple[str, ...]] = STATE_PREDICATES,
        steps: Mapping[str, tuple[str, ...]] = STEP_PREDICATES,
        family: str = "policies",
    ) -> None:
        self.plain: Final[Mapping[str, Any]] = policy or vars(machine)
        self.states, self.steps, self.family = states, steps, family
        self.wall: Final = Symbolic(vars(wall))
        same = {f"wall_{name}": function for name, function in self.wall.functions.items()}
        self.policy: Final = Symbolic(self.plain, same)
        self.before: Final[Any] = unknown(self.plain["State"], "before")
        self.after: Final[Any] = unknown(self.plain["State"], "after")
        self.item, self.age, self.patience = an_int("i"), an_int("age"), an_int("patience")
        self.invariant: Final = z3.And(
            Law(self.wall.invariant, self.before).formula, Law(self.policy.invariant, self.before).formula
        )

    def arguments(self, act: Act) -> tuple[Any, ...]:
        extra = {"": (), "lease": (self.item,), "ages": (self.age, self.patience)}[act.kind]
        return (self.before, *extra)

    def acts(self) -> list[Act]:
        """Give every action of the policy's machine: those that it adds, then the wall's as they are."""
        tables = (("ACTIONS", ""), ("WEIGHING", "ages"), ("LEASE_ACTIONS", "lease"))
        found = [
            Act(self.policy.of(guard), self.policy.of(act), of_wall, kind)
            for table, kind in tables
            for guard, act, of_wall in self.plain[table]
        ]
        for name in self.plain["KEPT"]:
            kind = "lease" if name in OF_A_LEASE else ""
            found.append(Act(self.wall.functions[f"can_{name}"], self.wall.functions[name], name, kind))
        return [*found, Act(_always, self.wall.close, "close", "")]


def same_wall(left: Any, right: Any) -> Formula:
    """Say that two states look alike to the wall."""
    return z3.And([expression(getattr(left, name)) == expression(getattr(right, name)) for name in WALL_FIELDS])


def obligations(world: World) -> list[Obligation]:
    """Give all obligations."""
    capacity = an_int("capacity")
    (path,) = paths(world.policy.initial, capacity)
    (there,) = paths(world.wall.initial, capacity)
    base, story = Base(capacity.it >= 1), (("initial", path.value),)
    new = ("capacity >= 1",)
    found = [
        Obligation(
            f"{world.family}.initial.{name}", ids, f"A new intake satisfies {name}.", new,
            (Goal(base, Law(world.policy.functions[name], world.before)(path.value), story),),
        )
        for name, ids in world.states.items()
    ]  # fmt: skip
    alike = same_wall(path.value, there.value)
    found.append(
        Obligation(f"{world.family}.initial.refines", ("POLICY-1",), "It is a new wall.", new, (Goal(base, alike, story),))
    )
    for act in world.acts():
        found += _of(world, act)
    return found


def _of(world: World, act: Act) -> list[Obligation]:
    name, arguments, family = act.act.__name__, world.arguments(act), world.family
    guard = z3.BoolVal(True) if act.guard is _always else Law(act.guard, *arguments).formula
    story: Story = tuple(zip(("before", "i", "patience"), arguments, strict=False))
    hypotheses = (world.invariant, guard)
    steps = feasible(name, hypotheses, paths(act.act, *arguments), story)
    ways = [step for step in steps if not step.path.error]
    raising = z3.Or([step.path.condition for step in steps if step.path.error])
    under = ("both invariants hold before", f"{name} is enabled")
    says = f"Where {name} is enabled it has a next state."
    found = [Obligation(f"{family}.{name}.total", ("POLICY-3",), says, under, (Goal(Base(*hypotheses), z3.Not(raising), story),))]
    for predicate, ids in world.states.items():
        law = Law(world.policy.functions[predicate], world.before)
        goals = tuple(Goal(way.base, law(way.after), way.story) for way in ways)
        found.append(Obligation(f"{family}.{name}.{predicate}", ids, f"After {name}, {predicate} is true.", under, goals))
    for predicate, ids in world.steps.items():
        step = Law(world.policy.functions[predicate], world.before, world.after)
        goals = tuple(Goal(way.base, step(world.before, way.after), way.story) for way in ways)
        says = f"Of {name} as a step, {predicate} is true."
        found.append(Obligation(f"{family}.{name}.{predicate}", ids, says, under, goals))
    goals = tuple(Goal(way.base, _refined(world, act, way.after), way.story) for way in ways)
    what = f"is the wall's {act.of_wall}" if act.of_wall else "changes nothing of the wall's"
    return [*found, Obligation(f"{family}.{name}.refines", ("POLICY-1",), f"{name} {what}, where that may be.", under, goals)]


def _refined(world: World, act: Act, after: Any) -> Formula:
    """Say that to the wall the step is an action of its own that is enabled there, or none."""
    if not act.of_wall:
        return same_wall(world.before, after)
    arguments = world.arguments(act)
    guard = z3.BoolVal(True)
    if act.of_wall != "close":
        guard = Law(world.wall.functions[f"can_{act.of_wall}"], *arguments).formula
    there = paths(world.wall.functions[act.of_wall], *arguments)
    return z3.And(guard, *(z3.Implies(path.condition, same_wall(path.value, after)) for path in there if not path.error))


def prove(world: World | None = None) -> list[Finding]:
    """Put every obligation to the solver."""
    return [judge(each) for each in obligations(world or World())]


@dataclass(frozen=True, slots=True)
class Mutant:
    """Replace one text in `policies.machine`, where it must occur exactly once; the obligation named must be refuted."""

    name: str
    refuted_by: str
    old: str
    new: str


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant("a stale item is handed out", "policies.hand_out.fresh_1", "s.weighed > 0 and age <= patience", "s.weighed > 0"),
    Mutant("an expiry keeps its slot", "policies.expire.refines", "replace(wall_release_unseen(s, i), w", "replace(s, w"),
    Mutant("an expiry is not counted", "policies.expire.fresh_1", "expired=s.expired + 1, owed", "owed"),
    Mutant("an expiry is never told", "policies.expire.fresh_1", ", owed=s.owed + 1)", ")"),
    Mutant("an expiry is told twice", "policies.tell.fresh_1", "owed=s.owed - 1, told", "told"),
    Mutant("an item that is told goes back", "policies.give_up.fresh_1", "wall_put_back(s, i), weighed=s.weighed - 1", "wall_put_back(s, i), weighed=s.weighed - 1, told=s.told + 1"),  # noqa: E501
    Mutant("LATE takes a slot", "policies.refuse_late.refines", "late=s.late + 1)", "late=s.late + 1, free=s.free - 1)"),
    Mutant("LATE counts as FULL too", "policies.refuse_late.policy_2", "late=s.late + 1)", "late=s.late + 1, full=s.full + 1)"),
    Mutant("what is handed out can still expire", "policies.expire.policy_3", "def can_expire(s: State, i: int) -> bool:\n    return s.weighed > 0 and", "def can_expire(s: State, i: int) -> bool:\n    return"),  # noqa: E501
)  # fmt: skip


def refute(mutant: Mutant) -> Finding:
    """Judge the obligation that is to refute a mutant. ValueError unless its text occurs exactly once."""
    from pathlib import Path

    source = Path(machine.__file__).read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        raise ValueError(f"mutant {mutant.name!r}: its text occurs {source.count(mutant.old)} times, not once")
    world = World(load(source.replace(mutant.old, mutant.new), machine))
    (obligation,) = [each for each in obligations(world) if each.name == mutant.refuted_by]
    return judge(obligation)
