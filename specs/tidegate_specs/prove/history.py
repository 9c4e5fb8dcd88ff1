"""Order and exactly once, by what has happened so far: sequences of any length beside the state.

The state machine forgets what was taken and finished. A `History` remembers, as sequences that only grow; `fifo` and `in_order` are
kept by every action. That a serial number is at one place and there once is said by counting how often it occurs, for one that is
arbitrary but fixed: of the count nothing is used but that it adds up over a concatenation.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from ..machine import State
from . import solver as z3
from .obligation import MACHINE, Base, Goal, Obligation, World, feasible
from .symbolic import Expression, Formula, Law, Symbolic, an_int, empty, paths, unknown


@dataclass(frozen=True)
class History:
    """Remember: every item in the order in which it was queued, taken, finished, and put back."""

    entered: tuple[int, ...] = ()
    taken: tuple[int, ...] = ()
    finished: tuple[int, ...] = ()
    returned: tuple[int, ...] = ()


def publish(h: History, s: State) -> History:
    return replace(h, entered=(*h.entered, s.accepted))


def take(h: History, s: State) -> History:
    return replace(h, taken=(*h.taken, s.queue[0]))


def put_back(h: History, s: State, i: int) -> History:
    return replace(h, entered=(*h.entered, s.unseen[i]), returned=(*h.returned, s.unseen[i]))


def finish_seen(h: History, s: State, i: int) -> History:
    return replace(h, finished=(*h.finished, s.seen[i]))


def finish_unseen(h: History, s: State, i: int) -> History:
    return replace(h, finished=(*h.finished, s.unseen[i]))


RECORD: Final[dict[str, Callable[..., History]]] = {
    "publish": publish,
    "take": take,
    "put_back": put_back,
    "release": finish_seen,
    "abandon": finish_seen,
    "release_unseen": finish_unseen,
}


def fifo(s: State, h: History) -> bool:
    """What was taken, and then the queue, is what entered it: nothing overtakes, gets lost or comes from nowhere."""
    return h.entered == h.taken + s.queue


def in_order(s: State, h: History, k: int) -> bool:
    """Unless something was put back, the item that entered k-th is the one accepted k-th."""
    kth = not 0 <= k < len(h.entered) or h.entered[k] == k
    return len(h.returned) > 0 or (len(h.entered) == s.accepted and kth)


def taken_in_order(h: History, k: int) -> bool:
    """Unless something was put back, the k-th take gave the item accepted k-th."""
    return len(h.returned) > 0 or not 0 <= k < len(h.taken) or h.taken[k] == k


class Occurrences:
    """Count how often one serial number occurs, adding up over concatenations."""

    def __init__(self, serial: Expression) -> None:
        self.serial: Final = serial
        self.times: Final = z3.Function("occurrences", z3.SeqSort(z3.IntSort()), z3.IntSort())

    def of(self, it: Expression) -> Expression:
        """Count in a sequence, taking concatenations apart."""
        if it.decl().kind() == z3.Z3_OP_SEQ_CONCAT:
            return z3.Sum([self.of(part) for part in it.children()])
        if it.decl().kind() == z3.Z3_OP_SEQ_UNIT:
            return z3.If(it.children()[0] == self.serial, 1, 0)
        return z3.IntVal(0) if it.eq(empty()) else self.times(it)

    def split(self, it: Any, i: Any) -> Formula:
        """Say that the count adds up over what is before a position, at it and behind it."""
        whole = z3.Length(it.it)
        here = z3.If(it.it[i] == self.serial, 1, 0)
        behind = self.of(z3.SubSeq(it.it, z3.simplify(i + 1), z3.simplify(whole - (i + 1))))
        before = self.of(z3.SubSeq(it.it, z3.IntVal(0), i)) if not i.eq(z3.IntVal(0)) else z3.IntVal(0)
        inside = z3.And(i >= 0, i < whole)
        return z3.Implies(inside, self.of(it.it) == before + here + behind)


PLACES: Final = "The places are: queued, in flight unseen, in flight seen, finished."
COUNTED: Final = ("once", "taken_once")
COUNTING: Final = "how often a number occurs adds up over a concatenation"


def build(world: World) -> list[Obligation]:
    """Give the obligations of this family."""
    ours = Symbolic(globals())
    h = unknown(History, "history")
    s, k, serial = world.before, an_int("k"), an_int("serial")
    fifo_law, order_law = Law(ours.fifo, s, h), Law(ours.in_order, s, h, k)
    count = Occurrences(serial.it)

    def once(state: Any, history: Any) -> Formula:
        places = (state.queue, state.unseen, state.seen, history.finished)
        was_accepted = z3.And(serial.it >= 0, serial.it < _number(state.accepted))
        return z3.Sum([count.of(_sequence(place)) for place in places]) == z3.If(was_accepted, 1, 0)

    def taken_once(state: Any, history: Any) -> Formula:
        was_accepted = z3.And(serial.it >= 0, serial.it < _number(state.accepted))
        taken = count.of(_sequence(history.taken)) + count.of(_sequence(state.queue))
        return taken == z3.If(was_accepted, 1, 0) + count.of(_sequence(history.returned))

    def ordered(state: Any, history: Any) -> Formula:
        return order_law(state, history, k)

    says = {
        "fifo": "What was taken and then the queue is what entered it, item by item.",
        "in_order": "Unless something was put back, the item that entered k-th is the one accepted k-th, for every k.",
        "once": f"Every accepted serial number is at one place, once; any other at none. {PLACES}",
        "taken_once": "Every accepted serial number was taken, or is queued, once and once more for each time it was put back.",
    }
    laws: dict[str, Any] = {
        "fifo": fifo_law,
        "in_order": ordered,
        "once": once,
        "taken_once": taken_once,
    }
    ids = {"fifo": ("LOCAL-1",), "in_order": ("LOCAL-1",), "once": ("LOCAL-1", "NORETRY-1"), "taken_once": ("LOCAL-1", "NORETRY-1")}
    found: list[Obligation] = []
    capacity = an_int("capacity")
    (start,) = paths(world.machine.initial, capacity)
    for name, law in laws.items():
        goal = Goal(Base(capacity.it >= 1), law(start.value, History()), (("initial", start.value), ("serial", serial)))
        found.append(
            Obligation(f"history.initial.{name}", ids[name], f"Before anything happened: {says[name]}", ("capacity >= 1",), (goal,))
        )
    for action in world.actions:
        if not world.wanted(f"history.{action.name}."):
            continue
        recorded = _recorded(ours, action.name, action.of_lease, world, h)
        common = [world.law("invariant").formula, world.enabled(action)]
        splits = [count.split(s.queue, z3.IntVal(0)), count.split(s.unseen, world.item.it), count.split(s.seen, world.item.it)]
        story = (("before", s), ("history", h), ("position", world.item), ("serial", serial), ("k", k))
        ways = [path for path in paths(action.act, *world.arguments(action)) if not path.error]
        for name, law in laws.items():
            counted = name in COUNTED
            hypotheses = [*common, law(s, h), *(splits if counted else [])]
            goals: list[Goal] = []
            for step in feasible(action.name, hypotheses, ways, story):
                for after in recorded:
                    base = Base(*step.base.hypotheses, after.condition)
                    if base.met != "unsat":
                        goals.append(Goal(base, law(step.after, after.value), (*step.story, ("history after", after.value))))
            under = (*MACHINE, f"so does {name}", f"{action.name} is enabled", *((COUNTING,) if counted else ()))
            found.append(
                Obligation(f"history.{action.name}.{name}", ids[name], f"After {action.name}: {says[name]}", under, tuple(goals))
            )
    return [*found, _consequence(world, ours, laws, h, k), _lemma(world)]


def _recorded(ours: Symbolic, name: str, of_lease: bool, world: World, h: Any) -> list[Any]:
    """Give what is remembered after an action."""
    if name not in RECORD:
        return paths(lambda: h)
    extra = (world.item,) if of_lease else ()
    return [path for path in paths(ours.of(RECORD[name]), h, world.before, *extra) if not path.error]


def _consequence(world: World, ours: Symbolic, laws: dict[str, Any], h: Any, k: Any) -> Obligation:
    s = world.before
    base = Base(world.law("invariant").formula, laws["fifo"](s, h), laws["in_order"](s, h))
    claim = Law(ours.taken_in_order, h, k).formula
    story = (("state", s), ("history", h), ("k", k))
    says = "Unless something was put back, the k-th take gave the item accepted k-th, for every k."
    return Obligation("history.taken_in_order", ("LOCAL-1",), says, ("fifo", "in_order"), (Goal(base, claim, story),))


def _lemma(world: World) -> Obligation:
    it, i = world.before.queue.it, world.item.it
    parts = z3.Concat(z3.SubSeq(it, 0, i), z3.Unit(it[i]), z3.SubSeq(it, i + 1, z3.Length(it) - (i + 1)))
    return Obligation(
        "history.split",
        ("LOCAL-1",),
        "A sequence is what is before a position, the item at it, and what is behind it: where counts add up.",
        ("the position is in range",),
        (Goal(Base(i >= 0, i < z3.Length(it)), it == parts, (("queue", world.before.queue), ("position", world.item))),),
    )


def _number(value: Any) -> Expression:
    return value.it if hasattr(value, "it") else z3.IntVal(value)


def _sequence(value: Any) -> Expression:
    return value.it if hasattr(value, "it") else empty()
