"""The net of the kernel's atomic steps keeps its invariant, and each of its transitions is an action of the state machine or none.

With that, whatever is proved of the state machine holds of the net, with any number of threads at each program point: among them
handlers that interrupt a thread in the middle (they are threads that run while it stands still), and exceptions at every point.
"""

from typing import Any, Final

from . import solver as z3
from .obligation import Base, Goal, Obligation, Story, World, feasible
from .symbolic import Formula, Law, Path, an_int, paths, same

PREDICATES: Final = {
    "counts": ("BOUND-2",),
    "conservation": ("BOUND-2",),
    "one_token": ("BOUND-2", "LEASE-1"),
    "after_close": ("CLOSE-1", "CLOSE-2"),
    "settled": ("CLOSE-2",),
}
OPERATIONS: Final = {
    "offer": ("BOUND-1", "EXACT-1", "EXPLICIT-1", "NORETRY-1", "REENTRY-1"),
    "take": ("LOCAL-1", "CLOSE-2"),
    "look": ("LEASE-1",),
    "next": ("LEASE-1", "CLOSE-2"),
    "release": ("LEASE-1", "LEDGER-1"),
    "drop": ("LEASE-1", "INTERRUPT-1"),
    "recover": ("INTERRUPT-1", "LEASE-1", "LEDGER-1"),
    "leave": ("CLOSE-2",),
    "ring": ("CLOSE-2",),
    "close": ("CLOSE-1",),
    "drain": ("CLOSE-2",),
    "statistics": ("LEDGER-1",),
}


def build(world: World) -> list[Obligation]:
    """Give the obligations of this family."""
    found = _initial(world)
    for number, transition in enumerate(world.plain_net["TRANSITIONS"]):
        if world.wanted(f"net.{number:02}."):
            found += _of_transition(world, number, transition)
    return found


def twin(world: World, transition: Any) -> Any:
    """Give a transition whose functions run on unknown values."""
    bound = {name: world.net.of(getattr(transition, name)) for name in ("guard", "effect", "foresee")}
    return type(transition)(**{**vars(transition), **bound})


def _initial(world: World) -> list[Obligation]:
    capacity, full_ahead, doomed = an_int("capacity"), an_int("full_ahead"), an_int("doomed")
    (start,) = paths(world.net.new, capacity)
    (there,) = paths(world.machine.initial, capacity)
    (mapped,) = paths(world.net.specification, start.value, full_ahead, doomed)
    base = Base(capacity.it >= 1)
    foreseen = Law(world.net.possible, world.at, full_ahead, doomed)(start.value, full_ahead, doomed)
    story: Story = (("initial", start.value),)
    found = [
        Obligation(
            f"net.initial.{name}",
            ids,
            f"A new intake of any capacity satisfies {name}.",
            ("capacity >= 1",),
            (Goal(base, world.net_law(name)(start.value), story),),
        )
        for name, ids in {**PREDICATES, "invariant": ("BOUND-2", "CLOSE-2")}.items()
    ]
    claim = same(mapped.value, there.value)
    base = Base(capacity.it >= 1, foreseen)
    says = "A new intake maps to the initial state of the specification, with whatever foresight."
    found.append(Obligation("net.initial.refines", ("BOUND-1",), says, ("capacity >= 1",), (Goal(base, claim, story),)))
    return found


def _of_transition(world: World, number: int, plain: Any) -> list[Obligation]:
    t = twin(world, plain)
    n, item = world.at, ((world.item,) if t.of_item else ())
    here = enabled(world, t, item)
    hypotheses = [world.net_law("invariant").formula, here]
    ids = tuple(dict.fromkeys((*OPERATIONS[t.operation], *(() if t.primitive else ("INTERRUPT-1",)))))
    name, under = f"net.{number:02}.{t.operation}", ("the net's invariant holds before", f"enabled: {t.name}")
    story: Story = (("before", n), *(("item", value) for value in item))
    if t.never:
        claim = z3.Not(here)
        goal = Goal(Base(world.net_law("invariant").formula), claim, story)
        return [Obligation(f"{name}.never", ids, f"No reachable state enables {t.name}.", ("the net's invariant",), (goal,))]
    steps = feasible(t.name, hypotheses, paths(world.net.fire, n, t, *item), story)
    raising = z3.Or([step.path.condition for step in steps if step.path.error])
    found = [
        Obligation(f"{name}.total", ids, f"It raises nothing: {t.name}.", under, (Goal(Base(*hypotheses), z3.Not(raising), story),))
    ]
    ways = [step for step in steps if not step.path.error]
    for predicate, bears in PREDICATES.items():
        goals = tuple(Goal(way.base, world.net_law(predicate)(way.after), way.story) for way in ways)
        both = tuple(dict.fromkeys((*bears, *(() if t.primitive else ("INTERRUPT-1",)))))
        found.append(Obligation(f"{name}.{predicate}", both, f"{predicate} is kept: {t.name}.", under, goals))
    goals = tuple(goal for way in ways for goal in _refined(world, t, item, way))
    what = f"is {t.action}" if t.action else "changes nothing"
    found.append(Obligation(f"{name}.refines", ids, f"In the specification it {what}: {t.name}.", under, goals))
    return found


def enabled(world: World, t: Any, item: tuple[Any, ...]) -> Formula:
    """Say that a transition can be taken by some thread."""

    def ask(n: Any, *at: Any) -> Any:
        return world.net.enabled(n, t, *at)

    return Law(ask, world.at, *item).formula


def _refined(world: World, t: Any, item: tuple[Any, ...], way: Any) -> list[Goal]:
    """For every foresight after the transition there is one before it, such that the mapped states are joined by the action."""
    n, full_ahead, doomed = world.at, an_int("full_ahead"), an_int("doomed")
    possible = Law(world.net.possible, n, full_ahead, doomed)
    (mapped_after,) = paths(world.net.specification, way.after, full_ahead, doomed)
    goals: list[Goal] = []
    for foresight in paths(t.foresee, way.after, full_ahead, doomed):
        full_before, doomed_before, acts = foresight.value
        (mapped,) = paths(world.net.specification, n, full_before, doomed_before)
        hypotheses = (
            *way.base.hypotheses,
            foresight.condition,
            possible(way.after, full_ahead, doomed),
            world.law("invariant")(mapped.value),
        )
        base = Base(*hypotheses)
        if base.met == "unsat":
            continue
        joined = same(mapped.value, mapped_after.value)
        if t.action and acts:
            joined = _acted(world, t.action, mapped.value, item, mapped_after.value)
        story = (*way.story, ("specification before", mapped.value), ("specification after", mapped_after.value))
        goals.append(Goal(base, z3.And(possible(n, full_before, doomed_before), joined), story))
    return goals


def _acted(world: World, name: str, before: Any, item: tuple[Any, ...], after: Any) -> Formula:
    """Say that an action of the specification is enabled in one state and leads to another."""
    (action,) = [each for each in world.actions if each.name == name]
    guard: Formula = z3.BoolVal(True)
    if action.guard.__name__ != "_always":
        law = world.lease_law if action.of_lease else world.law
        guard = law(action.guard.__name__)(before, *item)
    return z3.And(guard, *(_arrives(path, after) for path in paths(action.act, before, *item)))


def _arrives(path: Path, after: Any) -> Formula:
    return z3.Not(path.condition) if path.error else z3.Implies(path.condition, same(path.value, after))
