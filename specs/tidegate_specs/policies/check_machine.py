"""The state machine of a policy of time: proved for every capacity, walked for small ones, and refuted where it is broken."""

from dataclasses import replace
from typing import Final, cast

from .. import machine as wall
from ..check import Check, Result, Settings, Subject, Verdict
from ..walk.states import always
from ..walk.states import form as form_of_wall
from . import machine, proof
from .machine import State
from .support import GROUP

CAPACITIES: Final = (1, 2, 3)
FORMS: Final = {1: (72, 428), 2: (373, 2_807), 3: (1_877, 18_759)}  # of the walks: states, edges
AGES: Final = ((0, 1), (1, 1), (2, 1), (-1, 1))  # and patiences that a taker may bring: younger, as old, older, from the future


def _proved(_subject: Subject, _settings: Settings) -> Result:
    findings = proof.prove()
    good = sum(each.verdict is Verdict.OK for each in findings)
    evidence = f"{good} obligations proved"
    bad = [each for each in findings if each.verdict is not Verdict.OK]
    if bad:
        blames = tuple(dict.fromkeys(id_ for each in bad if each.verdict is Verdict.ILLEGAL for id_ in each.obligation.clauses))
        first = next((each for each in bad if each.verdict is Verdict.ILLEGAL), bad[0])
        return Result(first.verdict, evidence, f"{first.obligation.name}: {first.obligation.says}\n{first.account}", blames)
    if len(findings) != proof.EXPECTED:
        return Result(Verdict.UNKNOWN, evidence, f"there are {len(findings)} obligations, not {proof.EXPECTED}")
    return Result(Verdict.OK, evidence)


def _refuted(_subject: Subject, _settings: Settings) -> Result:
    survivors = [mutant.name for mutant in proof.MUTANTS if proof.refute(mutant).verdict is not Verdict.ILLEGAL]
    evidence = f"{len(proof.MUTANTS) - len(survivors)} of {len(proof.MUTANTS)} broken machines refuted"
    return Result(
        Verdict.ILLEGAL if survivors else Verdict.OK, evidence, f"not refuted: {', '.join(survivors)}" if survivors else ""
    )


def steps_from(s: State) -> list[tuple[str, State, wall.State | None]]:
    """Give every step, and what the wall makes of it: None where to the wall nothing happens."""
    found: list[tuple[str, State, wall.State | None]] = []
    acts = vars(wall)
    for guard, act, of_wall in machine.ACTIONS:
        if guard(s):
            found.append((act.__name__, act(s), acts[of_wall](s) if of_wall else None))
    for can_weigh, weigh, _ in machine.WEIGHING:
        found += [(f"{weigh.__name__} {ages}", weigh(s, *ages), None) for ages in AGES if can_weigh(s, *ages)]
    for i in range(s.capacity):
        for of_lease, act_on, of_wall in machine.LEASE_ACTIONS:
            if of_lease(s, i):
                found.append((f"{act_on.__name__} {i}", act_on(s, i), acts[of_wall](s, i)))
    for name in (*machine.KEPT, "close"):
        guard_of = acts.get(f"can_{name}", always)
        if name in ("release", "abandon"):
            found += [(f"{name} {i}", acts[name](s, i), acts[name](s, i)) for i in range(s.capacity) if guard_of(s, i)]
        elif guard_of(s):
            found.append((name, acts[name](s), acts[name](s)))
    return found


def form(s: State) -> State:
    """Forget the counts that only grow, as `walk.form` does. At most two are kept owed: more are told as two are."""
    return replace(cast(State, form_of_wall(s)), expired=0, late=0, told=0, owed=min(s.owed, 2))


def graph(capacity: int) -> tuple[int, int, str]:
    """Walk breadth first. Gives the numbers of forms and edges, and what is wrong at an edge."""
    start = machine.initial(capacity)
    states, seen, edges = [start], {form(start)}, 0
    for s in states:  # which grows on the way
        for name, after, of_wall in steps_from(s):
            edges += 1
            there = of_wall if of_wall is not None else s
            alike = all(getattr(after, field) == getattr(there, field) for field in proof.WALL_FIELDS)
            held = machine.invariant(after) and wall.invariant(after) and machine.policy_2(s, after) and wall.step(s, after)
            if not alike or not held:
                return len(states), edges, f"{name} {'breaks a predicate' if alike else 'is no step of the wall'}: {s} -> {after}"
            if form(after) not in seen:
                seen.add(form(after))
                states.append(after)
    return len(states), edges, ""


def _walked(_subject: Subject, _settings: Settings) -> Result:
    told: list[str] = []
    unlike: list[str] = []
    for capacity in CAPACITIES:
        states, edges, wrong = graph(capacity)
        told.append(f"capacity {capacity}: {states:,} states, {edges:,} edges")
        if wrong:
            return Result(Verdict.ILLEGAL, "; ".join(told), wrong)
        if (states, edges) != FORMS[capacity]:
            unlike.append(f"capacity {capacity}: {states:,} states and {edges:,} edges, not {FORMS[capacity]}")
    return Result(Verdict.UNKNOWN if unlike else Verdict.OK, "; ".join(told), "; ".join(unlike))


_NOT_THE_CODE: Final = "What the code does: this is about the specification. Time itself: an age is any number."
CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "policies.proof",
        GROUP,
        "z3",
        ("POLICY-1", "POLICY-2", "POLICY-3", "FRESH-1", "FRESH-2"),
        "for every capacity each step under a policy of time is a step of the wall's machine or none, and its laws are kept, "
        "whatever the clock tells",
        _NOT_THE_CODE,
        _proved,
    ),
    Check(
        "policies.proof_mutants",
        GROUP,
        "z3",
        ("POLICY-1", "POLICY-2", "FRESH-1"),
        "machines of a policy that are broken on purpose are refuted, each by the obligation named",
        "That every possible fault of the specification would be refuted.",
        _refuted,
        deep=True,
    ),
    Check(
        "policies.walk",
        GROUP,
        "walk",
        ("POLICY-1", "POLICY-2", "FRESH-1", "FRESH-2"),
        "every step from every state that is reached keeps the laws and is a step of the wall, for small capacities",
        f"{_NOT_THE_CODE} Larger capacities.",
        _walked,
    ),
)
