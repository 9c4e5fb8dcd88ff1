"""Judge an intake under overload: ten times more offers than the workers can finish, and producers that spin on rejections.

The checks share one run (`load.run_load`). What is counted must be exact, whatever the machine does. What is timed is held against
its bound with the noise that was measured in the same run: it is tried again up to three times, and where the noise would hide
the answer the verdict is UNKNOWN.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, cast

from tidegate_specs.check import Check, Settings, Subject, Verdict

from ..load import run_load
from ..load.record import Plan, Record
from ..load.unloaded import returns
from ..memory import Footprint, rejection_footprint
from .exact import REJECTIONS, judge_bound, judge_footprint, judge_ledger, judge_memory, judge_order
from .finding import Finding, Judge
from .rates import judge_goodput, judge_latency, judge_offer, judge_recovery, judge_spinning

GROUP: Final = "overload"


def plan_for(settings: Settings) -> Plan:
    """Give the plan of a profile: ten seconds of overload in full, three in quick."""
    if settings.profile == "full":
        return Plan(seed=settings.seed)
    return Plan(seconds=3.0, unloaded_s=0.5, calm_s=1.0, spin_s=1.0, seed=settings.seed)


# Runs and checks.


@dataclass(frozen=True, slots=True)
class Part:
    """Describe one check of this group: its judge, whether a fault seen once may be noise, and what it bears on."""

    name: str
    judge: Judge
    timed: bool
    clauses: tuple[str, ...]
    shows: str
    shows_not: str


PARTS: Final = (
    Part(
        "bound",
        judge_bound,
        False,
        ("BOUND-1",),
        "Under 10x overload and under spinning producers no more than capacity items were unfinished, by two independent counts.",
        "Schedules that did not happen. A stress run is never evidence that a race is absent.",
    ),
    Part(
        "ledger",
        judge_ledger,
        False,
        ("LEDGER-1", "BOUND-2", "CLOSE-1"),
        "Statistics equal the callers' own counts at rest, and stay within what callers saw while everything runs.",
        "Instants at which no reading was made.",
    ),
    Part(
        "order",
        judge_order,
        False,
        ("LOCAL-1", "NORETRY-1"),
        "Every accepted item was taken once, no other item ever was, and no item was overtaken.",
        "The order of offers that overlap in time.",
    ),
    Part(
        "offer",
        judge_offer,
        True,
        ("RESPONSIVE-1", "NOWAIT-1", "EXPLICIT-1"),
        "Every offer returned with an answer, and the median offer takes no longer at 10x than at 1x.",
        "A bound on real time; the tail, which the scheduler makes.",
    ),
    Part(
        "latency",
        judge_latency,
        True,
        ("LATENCY-1",),
        "Everything accepted was taken within the rounds of work before it, times the longest service seen, plus measured noise.",
        "Other capacities, numbers of workers and kinds of work.",
    ),
    Part(
        "memory",
        judge_memory,
        True,
        ("STABLE-1",),
        "The resident set stays on a plateau under 10x overload and under spinning producers.",
        "Growth slower than 2 MiB in half a phase.",
    ),
    Part(
        "goodput",
        judge_goodput,
        True,
        ("RESPONSIVE-2",),
        "Workers finish at least 80 % of their unloaded rate under 10x overload.",
        "Work that never gives up the interpreter.",
    ),
    Part(
        "spinning",
        judge_spinning,
        True,
        ("RESPONSIVE-2",),
        "Workers finish at least 80 % of their unloaded rate under eight producers that spin on rejections.",
        "Work that never gives up the interpreter.",
    ),
    Part(
        "recover",
        judge_recovery,
        True,
        ("RECOVER-1",),
        "After the overload an offer is accepted within one service time, all slots come home, and the answers are as new.",
        "Recovery of workers that never release.",
    ),
)


@lru_cache(maxsize=8)
def _recorded(subject: Any, plan: Plan, attempt: int) -> Record:
    """Do a run once for all checks that read it. attempt: tells repetitions apart."""
    return run_load(subject, replace(plan, seed=plan.seed + attempt))


def _examine(part: Part, record: Record) -> Finding:
    """Judge a record; one that broke off says only what broke it."""
    if record.stuck:
        if part.name == "offer":
            return Finding(Verdict.ILLEGAL, record.stuck, "a return", witness=record.stuck, blames=("NOWAIT-1",))
        return Finding(Verdict.UNKNOWN, "nothing: the run broke off", "a whole run", witness=record.stuck)
    if record.at_rest is None or "overload" not in record.phases or len(record.unloaded) < 3:
        if part.name == "offer" and record.errors:
            return judge_offer(record)
        witness = "; ".join(record.errors) or "the run did not reach its end"
        return Finding(Verdict.UNKNOWN, "nothing: the run broke off", "a whole run", witness=witness)
    return part.judge(record)


def examine(part: Part, subject: Subject, plan: Plan) -> Finding:
    """Judge one part, on a run of its own for each attempt if it is timed. A fault must be seen in each of them."""
    findings: list[Finding] = []
    for attempt in range(plan.attempts):
        record = _recorded(cast(Any, subject), plan, attempt)
        finding = _examine(part, record)
        findings.append(finding)
        if finding.verdict is Verdict.OK or not part.timed or record.stuck or record.errors:
            return finding
    unknown = [finding for finding in findings if finding.verdict is Verdict.UNKNOWN]
    return unknown[-1] if unknown else findings[-1]


def examine_rejections(subject: Subject, plan: Plan, rejections: int = REJECTIONS, limit_s: float = 10.0) -> Finding:
    """Judge what a million rejections leave, up to `attempts` times, as other threads of the process may allocate."""
    finding = Finding(Verdict.UNKNOWN, "nothing", "0, 0, 0")
    for _ in range(plan.attempts):
        seen: list[Footprint] = []

        def look(seen: list[Footprint] = seen) -> None:
            seen.append(rejection_footprint(subject, rejections, limit_s=limit_s))

        if not returns(look, limit_s + plan.grace_s):
            return Finding(
                Verdict.ILLEGAL, "offer did not return", "a return", witness="offer did not return", blames=("NOWAIT-1",)
            )
        if not seen:
            return Finding(Verdict.ILLEGAL, "offer raised", "an answer", witness="a rejection raised", blames=("EXPLICIT-1",))
        finding = judge_footprint(seen[0], rejections)
        if finding.verdict is Verdict.OK:
            break
    return finding


def _check(part: Part) -> Check:
    return Check(
        name=f"{GROUP}.{part.name}",
        group=GROUP,
        tool="stress",
        clauses=part.clauses,
        shows=part.shows,
        shows_not=part.shows_not,
        run=lambda subject, settings: examine(part, subject, plan_for(settings)).as_result(),
        limit_s=(60.0, 180.0),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        name=f"{GROUP}.rejection_memory",
        group=GROUP,
        tool="stress",
        clauses=("MEMORY-1", "NORETRY-1"),
        shows="A million rejections leave no allocated block, start no collection and keep no reference to the item.",
        shows_not="Memory that C code takes from the system by itself.",
        run=lambda subject, settings: examine_rejections(subject, plan_for(settings)).as_result(),
        limit_s=(60.0, 60.0),
    ),
    *(_check(part) for part in PARTS),
)
BY_NAME: Final = {part.name: part for part in PARTS}
