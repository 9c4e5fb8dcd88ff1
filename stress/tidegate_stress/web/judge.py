"""The bounds that a server with the middleware must keep, each with its reason, and the runs without it that must break it.

What is counted must be exact. What is timed is held against a ratio within the run, and against the noise of the machine: where
that would explain a fault the verdict is UNKNOWN.
"""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from tidegate_specs.check import Verdict, overall

from ..lab.case import Finding
from .case import DEADLINE_S, FULL_HOUSE_S, SERVERS, SERVICE_S, SLOTS, TRANSFER_SLOTS, ServerName, WebCase, WebReport, WebResult

STOLEN_LIMIT: Final = 0.2  # of the processor, taken by others
GENERATOR_LIMIT: Final = 0.8  # of a core: above it the generator is what is measured
LATE_LIMIT_S: Final = 0.025  # that the generator may send a request late
UNSENT_LIMIT: Final = 0.01
ENOUGH: Final = 30  # answers to take a percentile of

Place = tuple[ServerName, str]  # a server and the name of a case
OVERLOADS: Final = ("2x", "10x")
# What the middleware can't help, and is shown so: a WSGI server whose threads are all in slots has none left to refuse with. And
# gunicorn's threads wait themselves for what a client has yet to send, before any application is called: 5 s for its first byte,
# without end for the rest of the headers. As many silent connections as it has threads to spare leave it none to refuse with.
SPARED: Final[tuple[Place, ...]] = (
    ("waitress", "few threads"),
    ("gunicorn", "few threads"),
    ("gunicorn", "slow headers"),
)


class Missing(Exception):
    """Raised when a bound can't be judged, and says why."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Give what one bound is judged by. peers: the other cases of the same server and arm."""

    result: WebResult
    peers: Mapping[str, WebResult]

    def figure(self, name: str) -> float:
        """Give one figure. Raises Missing where it was not measured."""
        found = self.result.figures.get(name)
        if found is None:
            raise Missing(f"{name} was not measured" + (f": {self.result.ended}" if self.result.ended else ""))
        return found


@dataclass(frozen=True, slots=True)
class Bound:
    """Say what must hold in which cases, how it is measured, why this much, and what breaks it.

    broken_by: servers and cases in which the server without the middleware must break it. One that is empty is broken by made-up
    figures only, in the tests: without the middleware there is nothing to measure.
    """

    name: str
    clauses: tuple[str, ...]
    relation: Literal["<=", ">="]
    limit: float
    unit: str
    cases: tuple[str, ...]
    measure: Callable[[Evidence], float]
    what: str
    rationale: str
    broken_by: tuple[Place, ...] = ()
    exact: bool = False
    spared: tuple[Place, ...] = ()

    def covers(self, case: WebCase) -> bool:
        """Tell whether it must hold in a case."""
        return (not self.cases or case.name in self.cases) and (case.server, case.name) not in self.spared

    def holds(self, measured: float) -> bool:
        """Compare with the limit."""
        return measured <= self.limit if self.relation == "<=" else measured >= self.limit


def _at(ladder: str, percentile: float, unit_s: float) -> Callable[[Evidence], float]:
    def measure(seen: Evidence) -> float:
        return _time_s(seen.result, ladder, percentile) / unit_s

    return measure


def _time_s(result: WebResult | None, name: str, percentile: float) -> float:
    found = result.ladders.get(name) if result else None
    if found is None or found.count < ENOUGH:
        raise Missing(f"too few requests were {name} to tell")
    return found.at(percentile) / 1e9


def _flat(seen: Evidence) -> float:
    return _time_s(seen.result, "taken", 99.0) / _time_s(seen.peers.get("2x"), "taken", 99.0)


def _everywhere(*names: str) -> tuple[Place, ...]:
    return tuple((server, name) for server in SERVERS for name in names)


BOUNDS: Final[tuple[Bound, ...]] = (
    Bound(
        name="goodput",
        clauses=("RESPONSIVE-2",),
        relation=">=",
        limit=0.8,
        unit="of what can be served",
        cases=(),
        measure=lambda seen: seen.figure("goodput_share"),
        what="answered 200 within the deadline, over the capacity that nobody hangs on to, or over what is offered if that is less",
        rationale="Refusing costs the server's own processor time, and a full pool is a few per cent short of its ideal.",
        broken_by=(*_everywhere("2x", "10x", "hang"), ("waitress", "slow transfers"), ("gunicorn", "slow transfers")),
        spared=SPARED,
    ),
    Bound(
        name="answered",
        clauses=("RESPONSIVE-1", "WEB-1"),
        relation=">=",
        limit=0.98,
        unit="of what is offered",
        cases=(*OVERLOADS, "hang"),
        measure=lambda seen: seen.figure("answered_share"),
        what="answered 200 or 503 within the deadline",
        rationale="Who can't be served is told so in time; a fiftieth is left to the machine.",
        broken_by=_everywhere("2x", "10x", "hang"),
    ),
    Bound(
        name="latency",
        clauses=("LATENCY-1",),
        relation="<=",
        limit=1.5,
        unit="x of a full house",
        cases=OVERLOADS,
        measure=_at("taken", 99.0, FULL_HOUSE_S),
        what="99th percentile of what was taken in, until it was served or its caller hung up, over slots / pool x service time",
        rationale="Whoever is let in has at most the full house before him; half as much again is left to the machine.",
        broken_by=_everywhere(*OVERLOADS),
    ),
    Bound(
        name="flat",
        clauses=("RESPONSIVE-1",),
        relation="<=",
        limit=1.5,
        unit="x of p99 at 2x",
        cases=("10x",),
        measure=_flat,
        what="the same percentile at 10x, over that at 2x",
        rationale="A full house is as full at 10x as at 2x; what is left is what eight more refusals for each request cost.",
    ),
    Bound(
        name="rejection",
        clauses=("RESPONSIVE-1", "WEB-1"),
        relation="<=",
        limit=0.5,
        unit="of a service time",
        cases=OVERLOADS,
        measure=_at("rejected", 99.0, SERVICE_S),
        what="the 99th percentile of the time until a 503, over the time that the pool needs for one request",
        rationale="A refusal that took as long as the work would be no relief.",
    ),
    Bound(
        name="memory",
        clauses=("STABLE-1",),
        relation="<=",
        limit=16.0,
        unit="MiB more",
        cases=("10x", "slow transfers"),
        measure=lambda seen: seen.figure("rss_growth_bytes") / 2**20,
        what="the highest resident set of the server, less that before the load",
        rationale="Some connections, the pages of four transfers, the first use of code; nothing that grows with what is refused.",
        broken_by=(("uvicorn", "10x"), *_everywhere("slow transfers")),
    ),
    Bound(
        name="recovery",
        clauses=("RECOVER-1",),
        relation="<=",
        limit=1.0,
        unit="of the deadline",
        cases=(*OVERLOADS, "hang"),
        measure=lambda seen: seen.figure("recovery_s") / DEADLINE_S,
        what="from the end of the load to the last request, of half the capacity's, that was not served in time",
        rationale="The full house is done in one deadline; then all is as new.",
        broken_by=_everywhere(*OVERLOADS, "hang"),
    ),
    Bound(
        name="inside",
        clauses=("WEB-1", "BOUND-1"),
        relation="<=",
        limit=0,
        unit="requests too many",
        cases=(),
        measure=lambda seen: max(seen.figure("peak_inside") - SLOTS, seen.figure("peak_transfers") - TRANSFER_SLOTS),
        what="most requests at once inside the application, as it counts them itself, less the slots; the worse of the two routes",
        rationale="Capacity is a wall.",
        broken_by=(("uvicorn", "10x"), ("uvicorn", "slow transfers")),
        exact=True,
        spared=SPARED,
    ),
    Bound(
        name="slots",
        clauses=("WEB-2", "BOUND-2"),
        relation="<=",
        limit=0,
        unit="slots lost",
        cases=(),
        measure=lambda seen: seen.figure("slots_lost"),
        what="slots that are still held when all is over: served, refused, hung up, broken off",
        rationale="However a request ends, its slot comes back.",
        exact=True,
        spared=SPARED,
    ),
    Bound(
        name="refusals",
        clauses=("WEB-1",),
        relation="<=",
        limit=0,
        unit="refusals",
        cases=(),
        measure=lambda seen: seen.figure("bare_rejections"),
        what="answers of 503 without Retry-After",
        rationale="A refusal tells the client when to come back (RFC 9110, 10.2.3).",
        exact=True,
    ),
)
EXACT: Final = frozenset(bound.name for bound in BOUNDS if bound.exact)


def breaks(bound: Bound, case: WebCase) -> bool:
    """Tell whether a case without the middleware is there to break a bound."""
    return not case.guarded and (case.server, case.name) in bound.broken_by


def judge(bound: Bound, result: WebResult, peers: Mapping[str, WebResult]) -> Finding:
    """Give the verdict on one bound in one case."""
    case = result.case
    finding = Finding(
        bound=bound.name,
        clauses=bound.clauses,
        subject=f"{case.server}, {case.arm}",
        case=case.name,
        verdict=Verdict.UNKNOWN,
        measured=None,
        relation=bound.relation,
        limit=bound.limit,
        unit=bound.unit,
        replay=replay_of(case),
    )
    try:
        measured = bound.measure(Evidence(result, peers))
    except Missing as missing:
        return replace(finding, witness=str(missing))
    finding = replace(finding, measured=measured)
    if result.ended:
        return replace(finding, witness=f"the run broke off: {result.ended}")
    if bound.holds(measured):
        spared = "" if bound.exact else unsent_in(result)
        return replace(finding, verdict=Verdict.UNKNOWN if spared else Verdict.OK, witness=spared)
    noise = noise_in(result) if case.guarded and not bound.exact else ""
    return replace(finding, verdict=Verdict.UNKNOWN if noise else Verdict.ILLEGAL, witness=noise or bound.what)


def unsent_in(result: WebResult) -> str:
    """Say whether the server was spared a part of the load; empty if not. What was sent late was not: its time counts."""
    unsent = result.figures.get("unsent", 0.0)
    return (
        f"the generator could not send {unsent:.0f} requests" if unsent > UNSENT_LIMIT * result.figures.get("offered", 0.0) else ""
    )


def noise_in(result: WebResult) -> str:
    """Say what made a run too noisy to find fault with by time; empty if nothing did."""
    figures = result.figures
    if (stolen := figures.get("stolen_share", 0.0)) > STOLEN_LIMIT:
        return f"noise: others took {stolen:.0%} of the processor"
    if (cores := figures.get("generator_cores", 0.0)) > GENERATOR_LIMIT:
        return f"the generator took {cores:.2f} of a core itself"
    if (late_s := figures.get("sent_late_p99_s", 0.0)) > LATE_LIMIT_S:
        return f"noise: the generator sent {late_s * 1e3:.0f} ms late (99th percentile)"
    return unsent_in(result)


def verdict_of(report: WebReport) -> Verdict:
    """Give the verdict on the whole: the findings' with the middleware; UNKNOWN unless every run without it broke its bounds."""
    verdicts = [finding.verdict for finding in report.findings] or [Verdict.UNKNOWN]
    verdicts += [Verdict.OK if finding.verdict is Verdict.ILLEGAL else Verdict.UNKNOWN for finding in report.broken]
    return overall(verdicts)


def replay_of(case: WebCase) -> str:
    """Give the command that runs a server's cases again."""
    profile = "quick" if case.seconds < 5 else "full"
    return shlex.join(["tidegate", "web", "--server", case.server, "--profile", profile])
