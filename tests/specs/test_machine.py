"""The state machine is plain enough for a solver, trusted, and right in every state of the small intakes."""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

import pytest

from headgate_specs import clauses, machine
from headgate_specs.machine import State

Actions = tuple[tuple[str, Callable[..., bool], Callable[..., State], bool], ...]  # name, guard, action, whether of one lease


def always(_: State) -> bool:
    return True


ACTIONS: Actions = (
    *((action.__name__, guard, action, False) for guard, action in machine.ACTIONS),
    ("close", always, machine.close, False),
    *((action.__name__, guard, action, True) for guard, action in machine.LEASE_ACTIONS),
)


@dataclass
class Walk:
    """Hold what a walk over all states found. fault: the first action that broke a predicate, and which."""

    states: int = 0
    steps: int = 0
    fired: frozenset[str] = frozenset()
    fault: str = ""


def next_states(s: State, actions: Actions) -> Iterator[tuple[str, State]]:
    for name, guard, action, of_lease in actions:
        if not of_lease:
            if guard(s):
                yield name, action(s)
        else:
            yield from ((name, action(s, i)) for i in range(s.capacity) if guard(s, i))


def walk(capacity: int, most: int, actions: Actions = ACTIONS) -> Walk:
    """Visit every state in which at most that many items were accepted, and one offer was refused for each reason."""
    start = machine.initial(capacity)
    found, waiting, fired = Walk(), [start], set[str]()
    known = {start}
    while waiting:
        s = waiting.pop()
        if not machine.invariant(s):
            return replace(found, fault="invariant")
        if s.accepted > most or s.full > 1 or s.refused > 1:
            continue
        for name, a in next_states(s, actions):
            found.steps += 1
            fired.add(name)
            if not machine.step(s, a):
                return replace(found, fault=f"step: {name}")
            if not machine.invariant(a):
                return replace(found, fault=f"invariant: {name}")
            if a not in known:
                known.add(a)
                waiting.append(a)
    return replace(found, states=len(known), fired=frozenset(fired))


@pytest.mark.parametrize(
    ("capacity", "most", "states", "steps"), [(1, 4, 1_577, 4_448), (2, 3, 5_041, 16_384), (3, 3, 15_434, 56_298)]
)
def test_every_state_is_sound(capacity: int, most: int, states: int, steps: int) -> None:
    found = walk(capacity, most)
    assert found.fault == ""
    assert found.fired == {name for name, *_ in ACTIONS}
    assert (found.states, found.steps) == (states, steps)


WRONG: dict[str, tuple[str, Callable[[State], State]]] = {
    "a claim that keeps the slot free": ("claim", lambda s: replace(s, claimed=s.claimed + 1)),
    "a claim that mints a slot": ("claim", lambda s: replace(s, claimed=s.claimed + 1, capacity=s.capacity + 1)),
    "an admission that loses its slot": ("admit", lambda s: replace(s, claimed=s.claimed - 1)),
    "a retraction that loses its slot": ("retract", lambda s: replace(machine.retract(s), free=s.free)),
    "a publication that counts nothing": ("publish", lambda s: replace(machine.publish(s), accepted=s.accepted)),
    "a publication at the head": ("publish", lambda s: replace(machine.publish(s), queue=(s.accepted, *s.queue))),
    "a rejection that takes a slot": ("refuse_full", lambda s: replace(machine.refuse_full(s), free=s.free - 1)),
    "a rejection that is queued": ("refuse_closed", lambda s: replace(machine.refuse_closed(s), queue=(*s.queue, s.accepted))),
    "a take of the newest": ("take", lambda s: replace(s, queue=s.queue[:-1], unseen=(*s.unseen, s.queue[-1]))),
    "a take that leaves the item": ("take", lambda s: replace(s, unseen=(*s.unseen, s.queue[0]))),
    "a close that opens again": ("close", lambda s: replace(s, closed=not s.closed)),
}
WRONG_WITH_A_LEASE: dict[str, tuple[str, Callable[[State, int], State]]] = {
    "a look that loses the item": ("look", lambda s, i: replace(machine.look(s, i), seen=s.seen)),
    "a release that frees two slots": ("release", lambda s, i: replace(machine.release(s, i), free=s.free + 2)),
    "a release that is not counted": ("release", lambda s, i: replace(machine.release(s, i), released=s.released)),
    "a dropped unseen item that is abandoned": (
        "put_back",
        lambda s, i: replace(machine.release_unseen(s, i), released=s.released, abandoned=s.abandoned + 1),
    ),
    "a dropped unseen item put at the head": (
        "put_back",
        lambda s, i: replace(machine.put_back(s, i), queue=(s.unseen[i], *s.queue)),
    ),
}
LAX: dict[str, tuple[str, Callable[[State], bool]]] = {
    "a claim without a free slot": ("claim", lambda s: s.free >= 0),
    "FULL with a slot free": ("refuse_full", lambda s: s.free <= 1),
    "an admission after close": ("admit", lambda s: s.claimed > 0),
    "Closed while an item may come back": ("answer_closed", lambda s: s.closed and s.admitted == 0 and len(s.queue) == 0),
    "Closed while an offer is in progress": ("answer_closed", lambda s: s.closed and len(s.queue) + len(s.unseen) == 0),
    "drained while work is in flight": ("answer_drained", lambda s: s.closed and len(s.queue) == 0 and s.admitted == 0),
}


@pytest.mark.parametrize("fault", [*WRONG, *WRONG_WITH_A_LEASE])
def test_a_wrong_action_is_caught(fault: str) -> None:
    name, wrong = WRONG[fault] if fault in WRONG else WRONG_WITH_A_LEASE[fault]
    actions = tuple((n, guard, wrong if n == name else action, lease) for n, guard, action, lease in ACTIONS)
    assert walk(2, 3, actions).fault


@pytest.mark.parametrize("fault", LAX)
def test_a_lax_guard_is_caught(fault: str) -> None:
    name, lax = LAX[fault]
    actions = tuple((n, lax if n == name else guard, action, lease) for n, guard, action, lease in ACTIONS)
    assert walk(2, 3, actions).fault


def test_the_walk_stops_at_nothing_else() -> None:
    assert walk(1, 1, ()).states == 1


# Ordinary Python that a solver can run.


def test_the_machine_is_plain() -> None:
    tree = ast.parse(inspect.getsource(machine))
    heavy = (
        *(ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.With, ast.Raise, ast.Assert, ast.Lambda, ast.Global),
        *(ast.Set, ast.Dict, ast.SetComp, ast.DictComp, ast.ListComp, ast.GeneratorExp, ast.Yield),
    )
    assert [node for node in ast.walk(tree) if isinstance(node, heavy)] == []


def imported_by(module: object) -> set[str]:
    tree = ast.parse(inspect.getsource(sys.modules[str(module)]))
    direct = (alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names)
    origins = ("." * node.level + (node.module or "") for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {*chain(direct, origins)}


def test_the_trusted_modules_import_no_implementation() -> None:
    assert imported_by(machine.__name__) == {"dataclasses"}
    assert imported_by(clauses.__name__) == {"collections.abc", "dataclasses", "math", "typing", "."}


def test_every_guard_and_action_is_listed() -> None:
    listed = {f.__name__ for pair in (*machine.ACTIONS, *machine.LEASE_ACTIONS) for f in pair}
    guards = {name for name, _ in inspect.getmembers(machine, inspect.isfunction) if name.startswith("can_")}
    assert guards == {name for name in listed if name.startswith("can_")} | {"can_answer_empty"}
    assert {guard.__name__ for guard, _ in (*machine.ACTIONS, *machine.LEASE_ACTIONS)} == {
        f"can_{action.__name__}" for _, action in (*machine.ACTIONS, *machine.LEASE_ACTIONS)
    }
