"""The states that the specification can reach from an empty intake, and each step between them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from .. import machine, progress
from ..clauses import CLAUSES
from ..machine import State
from ..refinement.following import SpecificationFault

MANIFEST: Final = Path(__file__).parents[1] / "walks" / "manifest.json"

Step = tuple[str, State]  # an action, with the position of its lease, and where it leads


@dataclass(frozen=True, slots=True)
class Graph:
    """Hold all forms, the initial one first, in the order in which they are found, and the edges between their positions."""

    states: tuple[State, ...]
    edges: tuple[tuple[int, str, int], ...]
    depth: int

    @property
    def counts(self) -> dict[str, int]:
        """Give what the manifest keeps."""
        return {"states": len(self.states), "edges": len(self.edges), "depth": self.depth}


def always(_: State) -> bool:
    """Be the guard of `close`."""
    return True


def steps_from(s: State) -> Iterator[Step]:
    """Give every step of the machine from a state, each lease by its position."""
    for guard, action in (*machine.ACTIONS, (always, machine.close)):
        if guard(s):
            yield action.__name__, action(s)
    for lease_guard, lease_action in machine.LEASE_ACTIONS:
        for i in range(s.capacity):
            if lease_guard(s, i):
                yield f"{lease_action.__name__} {i}", lease_action(s, i)


def form(s: State) -> State:
    """Forget the counts that only grow, and name the items by their rank."""
    items = sorted((*s.queue, *s.unseen, *s.seen))
    return replace(
        s,
        queue=tuple(map(items.index, s.queue)),
        unseen=tuple(map(items.index, s.unseen)),
        seen=tuple(map(items.index, s.seen)),
        accepted=len(items),
        full=0,
        refused=0,
        released=0,
        abandoned=0,
    )


def fellow(s: State) -> State:
    """Give a state of the same form with gaps between the items and other counts."""

    def renamed(items: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(3 * item + 2 for item in items)

    finished = 2 * s.accepted + 5
    return replace(
        s,
        queue=renamed(s.queue),
        unseen=renamed(s.unseen),
        seen=renamed(s.seen),
        accepted=s.accepted + finished,
        full=7,
        refused=11,
        released=finished - 2,
        abandoned=2,
    )


def _sound(s: State, name: str, after: State) -> None:
    broken = [clause.id for clause in CLAUSES for p in clause.predicates if p in STATE_PREDICATES and not p(after)]
    broken += [clause.id for clause in CLAUSES for p in clause.predicates if p in STEP_PREDICATES and not p(s, after)]
    if broken or not machine.invariant(after) or not machine.step(s, after):
        raise SpecificationFault(f"{name} breaks {', '.join(dict.fromkeys(broken)) or 'the invariant'}: {s} -> {after}")


STATE_PREDICATES: Final[tuple[Callable[..., bool], ...]] = (
    machine.bound_1,
    machine.bound_2,
    machine.ledger_1,
    machine.close_2,
    machine.peak_1,
    machine.recover_1,
)
STEP_PREDICATES: Final[tuple[Callable[..., bool], ...]] = (
    machine.fixed_1,
    machine.exact_1,
    machine.explicit_1,
    machine.noretry_1,
    machine.local_1,
    machine.lease_1,
    machine.close_1,
    machine.peak_2,
)


def _checked_steps(s: State) -> list[Step]:
    """Give the steps from a form, each leading to a form, with every predicate held, here and in the fellow."""
    found: list[list[Step]] = []
    for member in (s, fellow(s)):
        steps = list(steps_from(member))
        for name, after in steps:
            _sound(member, name, after)
        found.append([(name, form(after)) for name, after in steps])
    if found[0] != found[1]:
        raise SpecificationFault(f"the walk's forms lose something: other steps from {s} than from {fellow(s)}")
    return found[0]


def graph(capacity: int) -> Graph:
    """Walk from the initial state, breadth first. SpecificationFault if a predicate fails at an edge."""
    start = form(machine.initial(capacity))
    if not machine.invariant(start):
        raise SpecificationFault(f"the initial state breaks the invariant: {start}")
    numbers = {start: 0}
    states, edges, depths = [start], list[tuple[int, str, int]](), [0]
    for number, s in enumerate(states):  # which grows on the way
        for name, after in _checked_steps(s):
            if after not in numbers:
                numbers[after] = len(states)
                states.append(after)
                depths.append(depths[number] + 1)
            edges.append((number, name, numbers[after]))
        if number % 500 == 0:
            progress.progress(f"capacity {capacity}: {number:,} states")
    return Graph(tuple(states), tuple(edges), depths[-1])


def load_manifest() -> dict[str, dict[str, int]]:
    """Read what the walks gave when they were last looked at, by capacity."""
    found: dict[str, dict[str, int]] = json.loads(MANIFEST.read_text("utf-8")) if MANIFEST.exists() else {}
    return found


def difference(capacity: int, found: Graph) -> str:
    """Say how a walk differs from the manifest, or give ""."""
    known = load_manifest().get(str(capacity))
    if known is None:
        return f"capacity {capacity} is not in the manifest"
    told = [f"{found.counts[name]:,} {name}, the manifest has {known.get(name, 0):,}" for name in found.counts]
    same = all(known.get(name) == count for name, count in found.counts.items())
    return "" if same else f"capacity {capacity}: {'; '.join(told)}"
