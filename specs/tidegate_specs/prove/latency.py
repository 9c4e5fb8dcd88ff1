"""LATENCY-1 as a theorem about a model, with every hypothesis spelled out, and shown to be needed.

The model. An intake of capacity c, w workers, and one item x, accepted at time 0. `ahead` counts the unfinished items accepted
before x.

    bounded      c >= 1 and w >= 1; x's own slot is one of c: at most c - 1 items are ahead of it         (proved from `machine`)
    order        no action adds to what is ahead of x; one that finishes an item takes one away          (proved from `machine`)
    fifo         while x is queued, what workers have is ahead of it                                      (proved from `machine`)
    busy         while x is queued, every worker has an item: workers take at once and keep finishing
    service      every item is finished within S of being taken
    exclusive    no two workers have the same item, and none that is ahead is put back while x is queued  (LOCAL-1, LEASE-1)

The theorem. For all c, w and S: x is taken within (ceil(c / w) - 1) x S, and finished within ceil(c / w) x S. By induction over
rounds of length S: each worker that is busy as a round begins finishes its item in it
(`worker`); all w of them together finish w items
(`workers`, by induction over workers); so after r rounds with x queued at most c - 1 - r w items are ahead (`round`); and w must be
ahead for x to wait on (`taken`). Scheduling noise is outside of the model: the measurement adds what it sees.
"""

from typing import Any, Final

from . import solver as z3
from .obligation import MACHINE, Base, Goal, Obligation, World
from .symbolic import Formula, an_int, expression

ID: Final = ("LATENCY-1",)
OVER: Final = ("answer_closed", "answer_drained")
FINISHING: Final = ("release", "release_unseen", "abandon", "put_back")


def build(world: World) -> list[Obligation]:
    """Give the obligations of this family."""
    return [*_from_machine(world), *_theorem(), *_needed()]


def _from_machine(world: World) -> list[Obligation]:
    """The hypotheses that are the state machine's to give. x is at position p of the queue, in any state."""
    s, p = world.before, an_int("p")
    queued = z3.And(p.it >= 0, p.it < z3.Length(s.queue.it))
    ahead = p.it + z3.Length(s.unseen.it) + z3.Length(s.seen.it)
    found: list[Obligation] = []
    (publish,) = world.steps("publish")
    flying = z3.Length(expression(publish.after.unseen)) + z3.Length(expression(publish.after.seen))
    position = z3.Length(expression(publish.after.queue)) - 1
    claim = position + flying <= s.capacity.it - 1
    says = "An item just accepted has at most capacity - 1 unfinished items ahead of it."
    found.append(Obligation("latency.bounded", ID, says, MACHINE, (Goal(publish.base, claim, publish.story),)))
    for action in world.actions:
        if action.name in OVER:
            base = Base(world.law("invariant").formula, queued)
            never = Goal(base, z3.Not(world.enabled(action)), (("state", s), ("x at position", p)))
            says = f"{action.name} is not enabled while an item is queued."
            found.append(Obligation(f"latency.order.{action.name}", ID, says, MACHINE, (never,)))
            continue
        goals: list[Goal] = []
        for step in world.steps(action.name):
            if step.path.error:
                continue
            after, queue = step.after, expression(step.after.queue)
            place = p.it - 1 if action.name == "take" else p.it
            later = place + z3.Length(expression(after.unseen)) + z3.Length(expression(after.seen))
            stays = z3.And(place < z3.Length(queue), queue[place] == s.queue.it[p.it])
            taken = z3.And(place == -1, expression(after.unseen)[z3.Length(expression(after.unseen)) - 1] == s.queue.it[p.it])
            change = later == ahead - 1 if action.name in FINISHING else later == ahead
            story = (*step.story, ("x at position", p))
            goals.append(Goal(Base(*step.base.hypotheses, queued), z3.And(change, z3.Or(stays, taken)), story))
        what = "takes one away from" if action.name in FINISHING else "adds nothing to"
        says = f"{action.name} {what} what is ahead of a queued item, and takes nothing behind it first."
        under = (*MACHINE, f"{action.name} is enabled", "x is queued")
        found.append(Obligation(f"latency.order.{action.name}", ID, says, under, tuple(goals)))
    return found


def _model() -> dict[str, Any]:
    """Name the unknowns of the model."""
    numbers = {name: z3.Int(name) for name in "capacity workers rounds ahead ahead_next busy finished j finished_by_j q".split()}
    return {**numbers, **{name: z3.Real(name) for name in "service taken_at done_at begins longest".split()}}


def _hypotheses(v: dict[str, Any]) -> dict[str, Formula]:
    """Spell out one round in which x stays queued, after some rounds of which the claim is true already."""
    return {
        "workers": v["workers"] >= 1,
        "bounded": v["ahead"] <= v["capacity"] - 1 - v["rounds"] * v["workers"],
        "busy": v["busy"] == v["workers"],
        "service": v["finished"] >= v["busy"],
        "order": v["ahead_next"] <= v["ahead"] - v["finished"],
    }


def _theorem() -> list[Obligation]:
    v = _model()
    c, w, r, q, ahead = v["capacity"], v["workers"], v["rounds"], v["q"], v["ahead"]
    at, done, begins, longest = v["taken_at"], v["done_at"], v["begins"], v["longest"]
    busy = (at <= begins, done > begins)
    in_time = (done - at <= longest, longest >= 0)
    hypotheses = _hypotheses(v)
    whole_rounds = (c >= 1, w >= 1, (q - 1) * w < c, c <= q * w)  # q = ceil(c / w)
    rows: tuple[tuple[str, str, tuple[str, ...], tuple[Formula, ...], Formula], ...] = (
        (
            "worker",
            "A worker busy as a round of length S begins finishes its item in it.",
            ("it took the item before", "service"),
            (*busy, in_time[0]),
            done <= begins + longest,
        ),
        (
            "workers",
            "If the first j workers finish at least j items in a round, and so does the next one its own, j + 1 do.",
            ("exclusive", "worker"),
            (v["finished_by_j"] >= v["j"], v["j"] >= 0),
            v["finished_by_j"] + 1 >= v["j"] + 1,
        ),
        (
            "round",
            "If after r rounds at most c - 1 - r w items are ahead, after r + 1 at most c - 1 - (r + 1) w are.",
            tuple(hypotheses),
            tuple(hypotheses.values()),
            v["ahead_next"] <= c - 1 - (r + 1) * w,
        ),
        (
            "taken",
            "After ceil(c / w) - 1 rounds too few items are ahead of x to keep every worker busy: it has been taken.",
            ("bounded", "fifo", "busy", "q = ceil(c / w)"),
            (*whole_rounds, ahead >= 0, r == q - 1, ahead <= c - 1 - (q - 1) * w),
            ahead < w,
        ),
        (
            "sojourn",
            "Taken within (q - 1) S and served within S, x is taken within q S and finished within q S.",
            ("taken", "service"),
            (longest >= 0, q >= 1, at <= (z3.ToReal(q) - 1) * longest, done <= at + longest),
            z3.And(at <= z3.ToReal(q) * longest, done <= z3.ToReal(q) * longest),
        ),
        (
            "recover",
            "From a full intake whose workers are busy, a slot is free again within one service time.",
            ("service", "busy"),
            (*busy, *in_time),
            done - begins <= longest,
        ),
    )
    return [
        Obligation(
            f"latency.{name}",
            (*ID, "RECOVER-1") if name == "recover" else ID,
            says,
            under,
            (Goal(Base(*formulas), claim),),
        )
        for name, says, under, formulas, claim in rows
    ]


def _needed() -> list[Obligation]:
    """Without any one of the hypotheses of a round its claim is false for some values."""
    v = _model()
    hypotheses = _hypotheses(v)
    sane = (v["ahead"] >= 0, v["ahead_next"] >= 0, v["busy"] >= 0, v["finished"] >= 0, v["rounds"] >= 0, v["capacity"] >= 1)
    claim = v["ahead_next"] <= v["capacity"] - 1 - (v["rounds"] + 1) * v["workers"]
    found: list[Obligation] = []
    for name in hypotheses:
        if name == "workers":
            continue
        others = tuple(value for key, value in hypotheses.items() if key != name)
        says = f"Without the hypothesis {name!r} a round need not take w items away."
        goal = Goal(Base(*sane, *others), z3.Not(claim))
        found.append(Obligation(f"latency.needed.{name}", ID, says, tuple(k for k in hypotheses if k != name), (goal,), "occurs"))
    at, done, begins, longest = v["taken_at"], v["done_at"], v["begins"], v["longest"]
    late = Goal(Base(at <= begins, done > begins, longest >= 0), done > begins + longest)
    says = "Without a longest service time a worker may keep its item beyond any round."
    found.append(Obligation("latency.needed.longest", ID, says, ("it took the item before",), (late,), "occurs"))
    none = Goal(
        Base(v["workers"] <= 0, v["capacity"] >= 1, v["ahead"] >= 0, v["ahead"] < v["capacity"]), v["ahead"] >= v["workers"]
    )
    says = "Without workers x waits with nothing ahead of it."
    found.append(Obligation("latency.needed.workers", ID, says, (), (none,), "occurs"))
    return found
