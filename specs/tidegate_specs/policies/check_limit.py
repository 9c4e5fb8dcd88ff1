"""The adaptive limit: its rule proved, random samples, the faults that known limiters had, and what a refusal leaves."""

import ast
import gc
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil, inf, log2, nan
from typing import Any, Final

from ..check import Check, Result, Settings, Subject, Verdict
from . import limit_proof
from .clauses import limit_1, limit_2, limit_3, limit_4, limit_5, limit_6, policy_3
from .known_limiters import SECOND_NS
from .limit_faults import ALONE_NS, CAPACITY, FAULTS, Service
from .playing import Unlike, drawn
from .support import GROUP, module_of

RUNS: Final = {"quick": 60, "full": 2_000}
TIMES: Final = (0, 1, 10_000_000, 10_500_000, 80_000_000, 3_600_000_000_000, -1, -3_600_000_000_000, 2**80, 1.5, nan, inf, -inf)
INSIDE: Final = (0, 1, 4, 16, 64, -3, 10**9)
MOST: Final = 8 * 4096  # samples of a window, at most
REFUSALS: Final = {"quick": 50_000, "full": 1_000_000}
WINDOWS_PER_DOUBLING: Final = 32
ALLOWED: Final = frozenset({"itertools", "typing"})  # what the limit may import: nothing that brings a time or chance


def limit_of(subject: Subject, floor: int, capacity: int) -> Any:
    """Make a subject's limit, bound to a capacity."""
    limit = module_of(subject, "limit").AdaptiveLimit(floor)
    limit.bind(capacity)
    return limit


def promised(floor: int, capacity: int) -> int:
    """Give K: how many good windows it takes at most from the floor to the capacity."""
    return WINDOWS_PER_DOUBLING * ceil(log2(capacity / floor)) if capacity > floor else 0


# The proof.


def _proved(subject: Subject, _settings: Settings) -> Result:
    findings = limit_proof.prove(module_of(subject, "limit"))
    good = sum(each.verdict is Verdict.OK for each in findings)
    bad = [each for each in findings if each.verdict is not Verdict.OK]
    if bad:
        blames = tuple(dict.fromkeys(id_ for each in bad if each.verdict is Verdict.ILLEGAL for id_ in each.obligation.clauses))
        first = next((each for each in bad if each.verdict is Verdict.ILLEGAL), bad[0])
        account = f"{first.obligation.name}: {first.obligation.says}\n{first.account}"
        return Result(first.verdict, f"{good} obligations proved", account, blames)
    if len(findings) != limit_proof.EXPECTED:
        return Result(Verdict.UNKNOWN, f"{good} proved", f"there are {len(findings)}, not {limit_proof.EXPECTED}")
    return Result(Verdict.OK, f"{good} obligations proved, for every floor, capacity and sequence of samples")


def _refuted(subject: Subject, _settings: Settings) -> Result:
    module = module_of(subject, "limit")
    left = [each.name for each in limit_proof.BROKEN if limit_proof.refute(each, module).verdict is not Verdict.ILLEGAL]
    evidence = f"{len(limit_proof.BROKEN) - len(left)} of {len(limit_proof.BROKEN)} broken rules refuted"
    return Result(Verdict.ILLEGAL if left else Verdict.OK, evidence, f"not refuted: {', '.join(left)}" if left else "")


# Random samples.


@dataclass(frozen=True, slots=True)
class Phase:
    """Describe samples that are all alike but for every n-th: so many, their time, how many were inside, and the pace."""

    samples: int
    took: Any
    inside: int
    apart_ns: int
    every: int
    odd: Any


def play(limit: Any, phases: list[Phase]) -> Iterator[int]:
    """Bring the samples; give the limit after each."""
    at = SECOND_NS
    for phase in phases:
        for number in range(phase.samples):
            at += phase.apart_ns
            took = phase.odd if phase.every and number % phase.every == 0 else phase.took
            limit.sample(at, at + took, phase.inside)
            yield limit.now


def _strategy() -> Any:
    from hypothesis import strategies as st

    phase = st.builds(
        Phase,
        st.sampled_from((1, 17, 300, 1_500)),
        st.sampled_from(TIMES),
        st.sampled_from(INSIDE),
        st.sampled_from((0, 1_000, 1_000_000, 500_000_000, -1_000_000)),
        st.sampled_from((0, 0, 2, 3, 7)),
        st.sampled_from(TIMES),
    )
    floors = st.sampled_from((1, 1, 2, 4, 7, 16))
    return floors, st.sampled_from((0, 1, 3, 12, 48, 500)), st.lists(phase, min_size=1, max_size=6)


def _traces(subject: Subject, chosen: Settings) -> Result:
    met = {"samples": 0, "limits": 0}

    def one(floor: int, more: int, trace: list[Phase]) -> None:
        capacity = floor + more
        clauses, account = _compared(subject, floor, capacity, trace)
        met["samples"] += sum(phase.samples for phase in trace)
        met["limits"] += 1
        if clauses:
            raise Unlike(clauses, f"{account}, after AdaptiveLimit({floor}), bind({capacity}): {trace}")

    wrong = drawn(chosen, RUNS[chosen.profile], _strategy(), one, ("LIMIT-1", "POLICY-4"))
    if wrong is not None:
        return replace(wrong, evidence=f"{met['samples']:,} samples, {wrong.evidence}")
    return Result(Verdict.OK, f"{met['samples']:,} samples in {met['limits']:,} traces, each brought to two limits")


def _compared(subject: Subject, floor: int, capacity: int, trace: list[Phase]) -> tuple[tuple[str, ...], str]:
    """Play a trace twice, then good windows. Gives the clauses that were broken, and how."""
    limit = limit_of(subject, floor, capacity)
    seen = list(play(limit, trace))
    outside = [now for now in seen if not floor <= now <= capacity]
    if not limit_1(len(seen), len(outside)):
        return ("LIMIT-1",), f"the limit was {outside[0]}"
    if not limit_6(1, int(seen != list(play(limit_of(subject, floor, capacity), trace)))):
        return ("LIMIT-6",), "the same samples gave other limits"
    windows = promised(floor, capacity) + 2  # one that is under way, and one that looks a step lower
    at, samples = 10**15, 0
    while limit.now < capacity and samples < windows * (MOST + 16 * capacity):
        at, samples = at + ALONE_NS, samples + 1
        limit.sample(at - ALONE_NS, at, 0)
    if not limit_5(0, 0, limit.now, capacity):
        return ("LIMIT-5", "POLICY-5"), f"after {windows} windows without a load the limit is {limit.now}"
    return (), ""


# Loads that stand.


def _loads(subject: Subject, settings: Settings) -> Result:
    """Hold the limit where overload stands, to twice the knee, and count good windows up from the floor."""
    told: list[str] = []
    seconds = 300 if settings.profile == "quick" else 3_600
    for knee in (4, 8, 24):
        service = Service(limit_of(subject, 4, CAPACITY), knee)
        service.run(CAPACITY, 30)
        service.highest = 0
        service.run(CAPACITY, seconds)
        told.append(f"knee {knee}: at most {service.highest}")
        if not limit_4(seconds, service.highest, knee):
            return Result(Verdict.ILLEGAL, "; ".join(told), f"{seconds} s of overload, {told[-1]}", ("LIMIT-4",))
        service.run(CAPACITY, 5)
        limit: Any = service.limiter
        low, full = limit.now, limit.at(service.at_ns + 3_600 * SECOND_NS)
        if full != CAPACITY:
            witness = f"an hour without a load, and the limit is {full}"
            return Result(Verdict.ILLEGAL, "; ".join(told), witness, ("LIMIT-5", "POLICY-5"))
        told[-1] += f", from {low} to {full} after an hour without a sample"
    return Result(Verdict.OK, "; ".join(told))


# The faults of others.


def _faults(subject: Subject, _settings: Settings) -> Result:
    broken: list[str] = []
    blames: list[str] = []
    green: list[str] = []
    for fault in FAULTS:
        name = fault.scenario.__name__
        if not fault.scenario(fault.model):
            green.append(name)
        found = fault.scenario(lambda floor, capacity: limit_of(subject, floor, capacity))
        if found:
            broken.append(f"{name} ({fault.reported}): {found}")
            blames += fault.clauses
    evidence = f"{len(FAULTS)} faults: red on {len(FAULTS) - len(green)} models, green on {len(FAULTS) - len(broken)}"
    if broken:
        return Result(Verdict.ILLEGAL, evidence, "\n".join(broken), tuple(dict.fromkeys(blames)))
    return Result(Verdict.UNKNOWN if green else Verdict.OK, evidence, f"not seen on its model: {', '.join(green)}" if green else "")


# Those inside, and those refused.


def _still(subject: Subject, settings: Settings) -> Result:
    """Lower the limit while callers are inside, refuse a great many, and look at what is left."""
    package: Any = subject
    intake: Any = package.Intake(CAPACITY)
    limit = limit_of(subject, 4, CAPACITY)
    for number in range(CAPACITY):
        intake.offer(number)
    leases = [intake.take(timeout=0) for _ in range(CAPACITY)]
    service = Service(limit, 8)
    service.run(CAPACITY, 30)
    inside = intake.statistics().in_flight
    lowered = CAPACITY - limit.now
    revoked = CAPACITY - inside + sum(not lease.release() for lease in leases)
    if not limit_2(lowered, revoked):
        return Result(Verdict.ILLEGAL, f"lowered by {lowered}", f"{revoked} of {CAPACITY} inside lost their slots", ("LIMIT-2",))
    before, blocks = _all_of(limit), _refuse(limit, service.at_ns, REFUSALS[settings.profile])
    moved = int(_all_of(limit) != before)
    evidence = f"{revoked} of {CAPACITY} inside revoked; {REFUSALS[settings.profile]:,} refusals: {blocks} blocks"
    if not limit_3(REFUSALS[settings.profile], moved):
        return Result(Verdict.ILLEGAL, evidence, f"refusals moved the limit from {before} to {_all_of(limit)}", ("LIMIT-3",))
    if not policy_3(0, blocks, 0):
        return Result(Verdict.ILLEGAL, evidence, f"refusals left {blocks} blocks", ("POLICY-3",))
    return Result(Verdict.OK, evidence)


def _all_of(limit: Any) -> list[str]:
    """Give all that a limit remembers."""
    kind: Any = type(limit)  # pyright: ignore[reportUnknownVariableType]
    names: tuple[str, ...] = kind.__slots__
    return [repr(getattr(limit, name)) for name in names]


def _refuse(limit: Any, at_ns: int, times: int) -> int:
    """Do what a refusal does, and count the blocks that are left."""

    def refuse(turns: int) -> None:
        for _ in range(turns):
            if limit.now > CAPACITY or limit.at(at_ns) > CAPACITY:
                raise AssertionError("a limit above the capacity")

    refuse(1_000)
    gc.collect()
    before = sys.getallocatedblocks()
    refuse(times)
    gc.collect()
    return max(0, sys.getallocatedblocks() - before - 8)  # of the loop itself


def _alone(subject: Subject, _settings: Settings) -> Result:
    """Look at what the limit's source imports and calls: nothing that brings a time, chance, or a lock."""
    tree = ast.parse(inspect.getsource(module_of(subject, "limit")))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    local = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level for alias in node.names}
    foreign = sorted((names - ALLOWED) | (local - {"sealed"}))
    evidence = f"imports {', '.join(sorted(names))}"
    return Result(Verdict.ILLEGAL if foreign else Verdict.OK, evidence, f"it also imports {', '.join(foreign)}" if foreign else "")


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "policies.limit_proof",
        GROUP,
        "z3",
        ("LIMIT-1", "LIMIT-5"),
        "for every floor, capacity and sequence of samples the limit's own rule keeps its bounds, no good window lowers it, and "
        "any two raise it by a 16th, so that 32 double it",
        "Two threads that end the same window. What is a good window is told by the times.",
        _proved,
        limit_s=(120.0, 300.0),
    ),
    Check(
        "policies.limit_refuted",
        GROUP,
        "z3",
        ("LIMIT-1", "LIMIT-5"),
        "rules that are broken on purpose are refuted, each by the obligation named",
        "That every possible fault of the rule would be refuted.",
        _refuted,
        limit_s=(300.0, 600.0),
        deep=True,
    ),
    Check(
        "policies.limit_traces",
        GROUP,
        "hypothesis",
        ("LIMIT-1", "LIMIT-5", "LIMIT-6", "POLICY-4", "POLICY-5"),
        "in random traces of samples, with times that no clock gives, the limit is within its bounds, the same twice, and back at "
        "the capacity after the number of windows that is promised",
        "Several threads.",
        _traces,
    ),
    Check(
        "policies.limit_loads",
        GROUP,
        "simulation",
        ("LIMIT-4", "LIMIT-5", "POLICY-5"),
        "under constant overload the limit stays within twice the knee, and an hour without a sample gives the capacity back",
        "Services whose times depend on more than how many are inside.",
        _loads,
    ),
    Check(
        "policies.limit_faults",
        GROUP,
        "scenario",
        ("LIMIT-1", "LIMIT-3", "LIMIT-4", "LIMIT-5"),
        "eleven faults that known limiters had are seen on models of them, and not here",
        "Faults of other kinds.",
        _faults,
    ),
    Check(
        "policies.limit_still",
        GROUP,
        "example",
        ("LIMIT-2", "LIMIT-3", "POLICY-3"),
        "a limit that is lowered takes nobody's slot, and refusals move nothing and leave no block behind",
        "Who calls it with what: the admission's own checks.",
        _still,
    ),
    Check(
        "policies.limit_alone",
        GROUP,
        "example",
        ("LIMIT-6", "POLICY-3"),
        "the limit imports no clock, no random numbers and no lock",
        "",
        _alone,
    ),
)
