"""The invariant is inductive, every step is what it may be, and answers exclude each other: for every capacity."""

from collections.abc import Callable
from typing import Final

from . import solver as z3
from .obligation import (
    MACHINE,
    STATE_CLAUSES,
    STATE_PREDICATES,
    STEP_CLAUSES,
    STEP_PREDICATES,
    Base,
    Goal,
    Obligation,
    World,
    clauses_of,
)
from .symbolic import Bool, Formula, Symbolic, an_int, merged, paths

WHOLE: Final = {"invariant": STATE_CLAUSES}


def build(world: World) -> list[Obligation]:
    """Give the obligations of this family."""
    parts = (("initial", _initial), ("implies", _implied), ("", _kept), ("step", _conjoined), ("answers", _answers))
    return [each for name, part in parts if world.wanted(f"inductive.{name}") for each in part(world)]


def _clauses(predicate: str) -> tuple[str, ...]:
    return WHOLE.get(predicate) or clauses_of(predicate)


def _initial(world: World) -> list[Obligation]:
    capacity = an_int("capacity")
    (path,) = paths(world.machine.initial, capacity)
    base = Base(capacity.it >= 1)
    return [
        Obligation(
            f"inductive.initial.{name}",
            _clauses(name),
            f"A new intake of any capacity satisfies {name}.",
            ("capacity >= 1",),
            (Goal(base, world.law(name)(path.value), (("initial", path.value),)),),
        )
        for name in (*STATE_PREDICATES, "invariant")
    ]


def _implied(world: World) -> list[Obligation]:
    base = Base(world.law("invariant").formula)
    return [
        Obligation(
            f"inductive.implies.{name}",
            _clauses(name),
            f"Whatever satisfies the invariant satisfies {name}.",
            ("the invariant",),
            (Goal(base, world.law(name).formula, (("state", world.before),)),),
        )
        for name in STATE_PREDICATES
    ]


def _kept(world: World) -> list[Obligation]:
    found: list[Obligation] = []
    for action in world.actions:
        if not world.wanted(f"inductive.{action.name}."):
            continue
        hypotheses = (*MACHINE, f"{action.name} is enabled")
        steps = world.steps(action.name)
        ways = [step for step in steps if not step.path.error]
        base = Base(world.law("invariant").formula, world.enabled(action))
        raising = z3.Or([step.path.condition for step in steps if step.path.error])
        found.append(
            Obligation(
                f"inductive.{action.name}.total",
                ("EXPLICIT-1", "LOCAL-1"),
                f"Where {action.name} is enabled it has a next state: it raises nothing.",
                hypotheses,
                (Goal(base, z3.Not(raising), (("before", world.before),)),),
            )
        )
        for name in (*STATE_PREDICATES, "invariant"):
            goals = tuple(Goal(way.base, world.law(name)(way.after), way.story) for way in ways)
            says = f"After {action.name}, {name} is true."
            found.append(Obligation(f"inductive.{action.name}.{name}", _clauses(name), says, hypotheses, goals))
        for name in STEP_PREDICATES:
            goals = tuple(Goal(way.base, world.step_law(name)(world.before, way.after), way.story) for way in ways)
            says = f"Of {action.name} as a step, {name} is true."
            found.append(Obligation(f"inductive.{action.name}.{name}", _clauses(name), says, hypotheses, goals))
    return found


def _conjoined(world: World) -> list[Obligation]:
    """Run `step` with predicates that answer anything: it is their conjunction, and nothing more."""
    truths = {name: Bool(z3.Bool(name)) for name in STEP_PREDICATES}
    loose = Symbolic(world.plain, {name: _answering(truth) for name, truth in truths.items()})
    whole = merged(paths(loose.step, world.before, world.after))
    claim = whole == z3.And([truth.it for truth in truths.values()])
    says = "The predicate step is the conjunction of those proved of each action."
    return [Obligation("inductive.step", STEP_CLAUSES, says, (), (Goal(Base(), claim, tuple(truths.items())),))]


def _answering(truth: Bool) -> Callable[..., Bool]:
    return lambda *_: truth


def _answers(world: World) -> list[Obligation]:
    s = world.before
    can = {name: world.law(name).formula for name in world.machine.functions if name.startswith("can_") and name not in _OF_LEASE}
    lease = {name: world.lease_law(name).formula for name in _OF_LEASE}
    (left,) = paths(world.machine.left, s)
    (flying,) = paths(world.machine.in_flight, s)
    (claimed,) = paths(world.machine.claim, s)[:1]
    held = s.claimed.it + s.admitted.it + z3.Length(s.queue.it) + flying.value.it
    comes = z3.Or(can["can_take"], can["can_publish"], can["can_admit"], lease["can_put_back"])
    after_claim = world.law("can_admit")(claimed.value), world.law("can_retract")(claimed.value)
    questions: tuple[tuple[str, tuple[str, ...], str, tuple[Formula, ...], Formula], ...] = (
        (
            "admits_or_full",
            ("EXACT-1", "EXPLICIT-1", "BOUND-1"),
            "An open intake either has a free slot or answers FULL, never both, and never CLOSED.",
            (z3.Not(s.closed.it),),
            z3.And(z3.Xor(can["can_claim"], can["can_refuse_full"]), z3.Not(can["can_refuse_closed"])),
        ),
        (
            "closed_admits_nobody",
            ("EXPLICIT-1", "CLOSE-1"),
            "A slot claimed after close is given back.",
            (s.closed.it, can["can_claim"]),
            z3.And(can["can_refuse_closed"], z3.Not(after_claim[0]), after_claim[1]),
        ),
        (
            "admitted_or_retracted",
            ("EXPLICIT-1", "CLOSE-1"),
            "An offer that holds a slot is admitted or retracts, never both, never neither.",
            (s.claimed.it > 0,),
            z3.Xor(can["can_admit"], can["can_retract"]),
        ),
        (
            "something_or_nothing",
            ("LOCAL-1", "CLOSE-2"),
            "A taker finds an item or may time out, never both; it is told Closed only when it finds none.",
            (),
            z3.And(z3.Xor(can["can_take"], can["can_answer_empty"]), z3.Implies(can["can_answer_closed"], can["can_answer_empty"])),
        ),
        ("ended_is_final", ("CLOSE-2",), "Once a taker was told Closed nothing comes again.", (s.ended.it,), z3.Not(comes)),
        (
            "drained_is_final",
            ("CLOSE-2",),
            "Once a drain answered 0 nothing comes again, and nothing is in flight.",
            (s.drained.it,),
            z3.And(z3.Not(comes), flying.value.it == 0, z3.Not(lease["can_release"])),
        ),
        (
            "drain_counts_what_is_held",
            ("CLOSE-2", "BOUND-2"),
            "A drain answers with the number of slots held, from 0 to the capacity.",
            (),
            z3.And(left.value.it == held, left.value.it >= 0, left.value.it <= s.capacity.it),
        ),
        (
            "a_lease_ends_one_way",
            ("LEASE-1",),
            "A lease unseen can be looked at, released or put back; one seen, released or abandoned.",
            (),
            z3.And(
                lease["can_look"] == lease["can_put_back"],
                lease["can_look"] == lease["can_release_unseen"],
                lease["can_release"] == lease["can_abandon"],
            ),
        ),
    )
    return [
        Obligation(
            f"inductive.answers.{name}",
            ids,
            says,
            ("the invariant",),
            (Goal(Base(world.law("invariant").formula, *hypotheses), claim, (("state", s), ("position", world.item))),),
        )
        for name, ids, says, hypotheses, claim in questions
    ]


_OF_LEASE: Final = ("can_look", "can_release", "can_release_unseen", "can_abandon", "can_put_back")
