"""Nothing is proved of nothing: every action and every transition happens, on every way through it, and plain Python agrees.

The solver finds a state for each; the specification's own functions are then run on it, and must do what the solver says.
"""

from collections.abc import Callable
from typing import Any

from . import solver as z3
from .obligation import STATE_CLAUSES, STEP_CLAUSES, Base, Goal, Obligation, World
from .refines import OPERATIONS, enabled, twin


def build(world: World) -> list[Obligation]:
    """Give the obligations of this family."""
    return [*_actions(world), *_transitions(world)]


def _actions(world: World) -> list[Obligation]:
    found: list[Obligation] = []
    for action in world.actions:
        for number, step in enumerate(step for step in world.steps(action.name) if not step.path.error):
            replay = _action_replay(world, action.name)
            goal = Goal(step.base, z3.BoolVal(True), step.story, replay)
            says = f"{action.name} happens (way {number + 1}), and does the same when it is run."
            name, ids = f"witness.{action.name}.{number + 1}", (*STATE_CLAUSES, *STEP_CLAUSES)
            found.append(Obligation(name, tuple(dict.fromkeys(ids)), says, ("the invariant",), (goal,), "occurs"))
    return found


def _always(*_: object) -> bool:
    return True


def _action_replay(world: World, name: str) -> Callable[..., bool]:
    functions = world.plain
    guard: Callable[..., bool] = functions.get(f"can_{name}", _always)

    def replay(before: Any, *rest: Any) -> bool:
        *item, after = rest
        there = functions["invariant"](before) and guard(before, *item)
        return bool(there and functions[name](before, *item) == after and functions["step"](before, after))

    return replay


def _transitions(world: World) -> list[Obligation]:
    found: list[Obligation] = []
    for number, plain in enumerate(world.plain_net["TRANSITIONS"]):
        if plain.never:
            continue
        t, item = twin(world, plain), (world.item,) if plain.of_item else ()
        story = (("before", world.at), *(("item", value) for value in item))
        goal = Goal(Base(world.net_law("invariant").formula), enabled(world, t, item), story, _transition_replay(world, plain))
        says, ids = f"It happens: {plain.name}.", OPERATIONS[plain.operation]
        found.append(Obligation(f"witness.net.{number:02}", ids, says, ("the net's invariant",), (goal,), "occurs"))
    return found


def _transition_replay(world: World, transition: Any) -> Callable[..., bool]:
    functions = world.plain_net

    def replay(before: Any, *item: Any) -> bool:
        there = functions["invariant"](before) and functions["enabled"](before, transition, *item)
        return bool(there and functions["invariant"](functions["fire"](before, transition, *item)))

    return replay
