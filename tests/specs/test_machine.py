"""The state machine is plain enough for a solver, trusted, and right in every state of the small intakes."""

import ast
import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import chain

import pytest

from tidegate_specs import clauses, machine
from tidegate_specs.machine import State
from tidegate_specs.refinement.following import SpecificationFault
from tidegate_specs.walk.states import graph, steps_from


@pytest.mark.parametrize(
    ("capacity", "most", "states", "steps"), [(1, 4, 1_577, 4_448), (2, 3, 5_041, 16_384), (3, 3, 15_434, 56_298)]
)
def test_every_state_is_sound(capacity: int, most: int, states: int, steps: int) -> None:
    """The walk again, with the counts that its forms forget: up to `most` items and one offer refused for each reason."""
    start = machine.initial(capacity)
    known, waiting, taken, fired = {start}, [start], 0, set[str]()
    while waiting:
        s = waiting.pop()
        assert machine.invariant(s)
        if s.accepted > most or s.full > 1 or s.refused > 1:
            continue
        for label, a in steps_from(s):
            taken += 1
            fired.add(label.split()[0])
            assert machine.step(s, a), label
            if a not in known:
                known.add(a)
                waiting.append(a)
    assert (len(known), taken) == (states, steps)
    assert fired == {action.__name__ for _, action in (*machine.ACTIONS, *machine.LEASE_ACTIONS)} | {"close"}


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


def broken(
    monkeypatch: pytest.MonkeyPatch, name: str, guard: Callable[..., bool] | None, action: Callable[..., State] | None
) -> None:
    """Put another guard or another action in the place of one."""
    if name == "close":
        monkeypatch.setattr(machine, "close", named(name, action))
    for kind in ("ACTIONS", "LEASE_ACTIONS"):
        pairs = tuple(
            (guard or old_guard, named(name, action or old)) if old.__name__ == name else (old_guard, old)
            for old_guard, old in getattr(machine, kind)
        )
        monkeypatch.setattr(machine, kind, pairs)


def named(name: str, action: Callable[..., State] | None) -> Callable[..., State]:
    assert action is not None
    action.__name__ = name
    return action


@pytest.mark.parametrize("fault", [*WRONG, *WRONG_WITH_A_LEASE])
def test_a_wrong_action_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, wrong = WRONG[fault] if fault in WRONG else WRONG_WITH_A_LEASE[fault]
    broken(monkeypatch, name, None, wrong)
    with pytest.raises(SpecificationFault):
        graph(2)


@pytest.mark.parametrize("fault", LAX)
def test_a_lax_guard_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, lax = LAX[fault]
    broken(monkeypatch, name, lax, None)
    with pytest.raises(SpecificationFault):
        graph(2)


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
