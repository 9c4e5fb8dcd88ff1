"""Progress: a rank that every helpful step lowers, and a helpful step enabled as long as there is something to do.

The rank adds up how many steps each slot still needs to come home. A step is *helpful* if a thread that keeps going makes it: an
offer that goes on, a worker that takes, looks and releases. While the intake is full nothing but an item put back raises the
rank, so as long as threads keep going and items are put back finitely often, there is room again after at most `rank` helpful
steps; a drain ends likewise once no new offers claim. Of the net: whatever the others do, the thread at a point of an offer can
take its next step, and an offer has few points: it never waits.
"""

from typing import Any, Final

from ..machine import State
from . import solver as z3
from .obligation import MACHINE, Base, Goal, Obligation, World
from .refines import enabled, twin
from .symbolic import Symbolic, paths

HELPFUL: Final = ("admit", "retract", "publish", "take", "look", "release", "release_unseen", "abandon", "withdraw")
OFFER_POINTS: Final = (
    "looked trying holding storing publishing retracting unserved turned counting_full counting_closed yielding".split()
)
LONGEST_OFFER: Final = 9


def rank(s: State) -> int:
    """Count the steps that the slots still need: admit, publish, take, look, release."""
    return 5 * s.claimed + 4 * s.admitted + 3 * len(s.queue) + 2 * len(s.unseen) + len(s.seen)


def build(world: World) -> list[Obligation]:
    """Give the obligations of this family."""
    return [*_ranked(world), *_helped(world), *_never_waiting(world)]


def _ranked(world: World) -> list[Obligation]:
    law = Symbolic(globals()).rank
    ids = ("RECOVER-1", "CLOSE-2")
    (before,) = paths(law, world.before)
    found: list[Obligation] = []
    for action in world.actions:
        if action.name in ("put_back", "claim"):
            continue  # finitely often, by hypothesis; not while full (`room.no_claim`)
        helps = action.name in HELPFUL
        goals: list[Goal] = []
        for step in world.steps(action.name):
            if not step.path.error:
                (after,) = paths(law, step.after)
                lower = after.value.it < before.value.it if helps else after.value.it <= before.value.it
                goals.append(Goal(step.base, lower, step.story))
        what = "lowers" if helps else "does not raise"
        under = (*MACHINE, f"{action.name} is enabled")
        found.append(Obligation(f"progress.rank.{action.name}", ids, f"{action.name} {what} the rank.", under, tuple(goals)))
    return found


def _helped(world: World) -> list[Obligation]:
    s, invariant = world.before, world.law("invariant").formula
    (there,) = paths(Symbolic(globals()).rank, s)
    one = z3.IntVal(0)
    goes_on = z3.Or(*(world.law(name).formula for name in ("can_admit", "can_retract", "can_publish", "can_take")))
    first = [z3.substitute(world.lease_law(name).formula, (world.item.it, one)) for name in ("can_look", "can_release")]
    help_ = z3.Or(goes_on, *first)
    story = (("state", s),)
    (left,) = paths(world.machine.left, s)
    claim, drained = world.law("can_claim").formula, world.law("can_answer_drained").formula
    items = z3.Or(world.law("can_take").formula, *first)
    rows: tuple[tuple[str, tuple[str, ...], str, tuple[Any, ...], Any], ...] = (
        ("positive", ("RECOVER-1",), "The rank is never negative.", (), there.value.it >= 0),
        (
            "bounded",
            ("RECOVER-1",),
            "The rank is at most five for each slot: so many helpful steps at most bring all of them home.",
            (),
            there.value.it <= 5 * s.capacity.it,
        ),
        ("room.helped", ("RECOVER-1",), "While it is full a helpful step is enabled.", (s.free.it == 0,), help_),
        ("room.no_claim", ("RECOVER-1", "EXACT-1"), "While it is full no offer claims.", (s.free.it == 0,), z3.Not(claim)),
        (
            "room.workers_alone",
            ("RECOVER-1",),
            "While it is full and no offer is in progress, the workers alone have a helpful step.",
            (s.free.it == 0, s.claimed.it == 0, s.admitted.it == 0),
            items,
        ),
        (
            "idle",
            ("RECOVER-1",),
            "At rank zero every slot is free, and the next offer finds one.",
            (there.value.it == 0,),
            z3.And(s.free.it == s.capacity.it, claim),
        ),
        (
            "drain.helped",
            ("CLOSE-2",),
            "While a drain has to wait a helpful step is enabled.",
            (s.closed.it, left.value.it > 0),
            help_,
        ),
        (
            "drain.ends",
            ("CLOSE-2",),
            "Closed and at rank zero, a drain answers 0.",
            (s.closed.it, there.value.it == 0),
            drained,
        ),
        (
            "drain.closed",
            ("CLOSE-2",),
            "Closed, with no item unfinished and no offer admitted, a taker is told Closed.",
            (s.closed.it, s.admitted.it == 0, z3.Length(s.queue.it) == 0, z3.Length(s.unseen.it) == 0),
            world.law("can_answer_closed").formula,
        ),
    )
    return [
        Obligation(f"progress.{name}", ids, says, ("the invariant",), (Goal(Base(invariant, *hypotheses), claimed, story),))
        for name, ids, says, hypotheses, claimed in rows
    ]


def _never_waiting(world: World) -> list[Obligation]:
    """An offer can go on from every point, whatever the others do; and it does so a few times at most."""
    n, transitions = world.at, world.plain_net["TRANSITIONS"]
    invariant = world.net_law("invariant").formula
    found: list[Obligation] = []
    offers = [t for t in transitions if t.operation == "offer" and t.primitive]
    for point in ("", *OFFER_POINTS):
        ways = [twin(world, t) for t in offers if t.at == point]
        can = [enabled(world, t, ()) for t in ways]
        there = (getattr(n, point).it > 0,) if point else ()
        goal = Goal(Base(invariant, *there), z3.Or(*can), (("state", n),))
        says = f"An offer {'at ' + point if point else 'that begins'} can take its next step, whatever the others do."
        under = ("the net's invariant", "a thread is there")
        found.append(Obligation(f"progress.offer.{point or 'begins'}", ("NOWAIT-1", "NOWAIT-2", "REENTRY-1"), says, under, (goal,)))
    place = {point: z3.Int(f"place.{point}") for point in OFFER_POINTS}
    spread = [z3.And(at >= 0, at < LONGEST_OFFER - 1) for at in place.values()]
    forward = [place[t.at] < place[t.to] for t in offers if t.at and t.to]
    goal = Goal(Base(), z3.And(*spread, *forward))
    says = f"The points of an offer can be put in {LONGEST_OFFER - 1} ranks that each step climbs: at most {LONGEST_OFFER} steps."
    found.append(Obligation("progress.offer.steps", ("NOWAIT-1", "RESPONSIVE-1"), says, (), (goal,), "occurs"))
    return found
