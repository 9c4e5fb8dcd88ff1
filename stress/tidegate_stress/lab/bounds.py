"""Judge what the laboratory measured by `bounds.json`, where each bound stands with its rationale, its margin, and what breaks it.

What is counted must be exact. What is timed is held against its bound with the noise of the same run: where the noise would hide
the answer, the verdict is UNKNOWN.
"""

import fnmatch
import json
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from math import ceil
from typing import Any, Final, Literal

from tidegate_specs.check import Verdict

from .case import OURS, WHOLE, Finding, Pair, Result
from .collapse import follow

STOLEN_LIMIT: Final = 0.2  # of the processor, taken by others
RATE_NOISE_LIMIT: Final = 0.15  # by which the workers' own rate may differ before and after
GENERATOR_LIMIT: Final = 1 / 3  # of a core: above it the generator is what is measured
VAGUE: Final = 3  # times its ideal: a bound that is that long says nothing
RECOVERY_NOISE_S: Final = 0.020
ENOUGH: Final = 50  # figures to take a percentile of


@dataclass(frozen=True, slots=True)
class Breaker:
    """Name what breaks a bound: a subject in a case, for so many seconds."""

    subject: str
    case: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Bound:
    """Say what must hold, in which cases, why this much, by how much it is kept, and what breaks it.

    limit: that of this interpreter. Where a peer is compared with, it may be another one from 3.14 on, as the peer is faster there.
    """

    name: str
    clauses: tuple[str, ...]
    relation: Literal["<=", ">="]
    limit: float
    unit: str
    cases: tuple[str, ...]
    what: str
    rationale: str
    margin: str
    broken_by: tuple[Breaker, ...]

    def covers(self, case: str) -> bool:
        """Tell whether it must hold in a case of this name."""
        return any(fnmatch.fnmatchcase(case, pattern) for pattern in self.cases)

    def holds(self, measured: float) -> bool:
        """Compare with the limit."""
        return measured <= self.limit if self.relation == "<=" else measured >= self.limit


def _load() -> Mapping[str, Bound]:
    read: list[dict[str, Any]] = json.loads(resources.files(__package__ or "").joinpath("bounds.json").read_text("utf-8"))
    for each in read:
        each["clauses"], each["cases"] = tuple(each["clauses"]), tuple(each["cases"])
        limits = each["limit"], each.pop("limit_from_3_14", each["limit"])
        each["limit"] = limits[sys.version_info >= (3, 14)]
        each["broken_by"] = tuple(Breaker(**breaker) for breaker in each["broken_by"])
    return {each["name"]: Bound(**each) for each in read}


BOUNDS: Final = _load()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Give what one bound is judged by. peers: the subject's other results. pair: where it was compared with queue.Queue."""

    result: Result
    peers: Mapping[str, Result]
    pair: Pair | None = None

    def figure(self, name: str) -> float:
        """Give one figure. Raises Missing where it was not measured."""
        found = self.result.figures.get(name)
        if found is None:
            raise Missing(f"{name} was not measured: {self.result.ended}")
        return found


class Missing(Exception):
    """Raised when a bound can't be judged, and says why."""


# What each bound measures. Raises Missing.


def _ledger(seen: Evidence) -> float:
    return len(seen.result.problems)


def _depth(seen: Evidence) -> float:
    return seen.figure("peak_depth") / seen.result.case.capacity


def _goodput(seen: Evidence) -> float:
    return seen.figure("goodput_share")


def _goodput_work(seen: Evidence) -> float:
    return seen.figure("goodput_share") / (1 - min(seen.figure("generator_cores"), GENERATOR_LIMIT))


def _sojourn(seen: Evidence) -> float:
    ladder = seen.result.ladders.get("sojourn")
    if ladder is None or ladder.count < ENOUGH:
        raise Missing("too few items were taken to tell")
    case = seen.result.case
    rounds = ceil(case.capacity / case.workers)
    longest_s, noise_s = seen.figure("longest_service_s"), seen.figure("late_max_s")
    bound_s = rounds * longest_s + noise_s
    excess = ladder.max_ns / 1e9 / bound_s
    if excess <= 1 and bound_s > VAGUE * rounds * case.service_s:
        raise Missing(
            f"the longest service took {longest_s * 1e3:.1f} ms instead of {case.service_s * 1e3:g}: the bound says nothing"
        )
    return excess


def _sojourn_flat(seen: Evidence) -> float:
    calm, loaded = (result.ladders.get("sojourn") if result else None for result in (seen.peers.get("2x"), seen.result))
    if calm is None or loaded is None or min(calm.count, loaded.count) < ENOUGH:
        raise Missing("too few items were taken to tell")
    return loaded.at(99.0) / max(1, calm.at(99.0))


def _offer_p50(seen: Evidence) -> float:
    return _pair(seen).p50_ratio


def _offer_p999(seen: Evidence) -> float:
    return _pair(seen).p999_ratio


def _pair(seen: Evidence) -> Pair:
    if seen.pair is None or min(seen.pair.ours.count, seen.pair.theirs.count) < ENOUGH:
        raise Missing("too few offers to compare")
    return seen.pair


def _memory(seen: Evidence) -> float:
    if seen.result.ended.startswith("the process grew"):
        return seen.figure("rss_peak_bytes")
    return seen.figure("rss_growth_bytes")


def _recovery(seen: Evidence) -> float:
    if "recovery_s" not in seen.result.figures or "normal_s" not in seen.result.figures:
        return float("inf") if seen.result.ended == WHOLE else seen.figure("recovery_s")
    bound_s = seen.figure("longest_service_s") + RECOVERY_NOISE_S
    excess = max(seen.figure("recovery_s"), seen.figure("normal_s")) / bound_s
    if excess <= 1 and bound_s > VAGUE * (seen.result.case.service_s + RECOVERY_NOISE_S):
        raise Missing(f"the longest service took {seen.figure('longest_service_s') * 1e3:.1f} ms: the bound says nothing")
    return excess


def _crash(seen: Evidence) -> float:
    if not seen.figure("crashed"):
        raise Missing("no worker crashed")
    return seen.figure("accepted") - seen.figure("finished") - seen.figure("crashed")


def _rejections(seen: Evidence) -> float:
    return seen.figure("rejected")


def _collapse(seen: Evidence) -> float:
    if not seen.result.intervals:
        raise Missing("nothing was told while it ran")
    return sum(step.happened for step in follow(seen.result))


MEASURES: Final[Mapping[str, Callable[[Evidence], float]]] = {
    "ledger": _ledger,
    "depth": _depth,
    "goodput": _goodput,
    "goodput_spinning": _goodput,
    "goodput_work": _goodput_work,
    "sojourn": _sojourn,
    "sojourn_flat": _sojourn_flat,
    "offer_p50": _offer_p50,
    "offer_p50_calm": _offer_p50,
    "offer_p999": _offer_p999,
    "memory": _memory,
    "recovery": _recovery,
    "crash": _crash,
    "rejections": _rejections,
    "collapse": _collapse,
}
EXACT: Final = frozenset({"ledger", "depth", "crash"})  # no noise of the machine explains these


def judge(bound: Bound, seen: Evidence) -> Finding:
    """Give the verdict on one bound in one case."""
    case = seen.result.case
    finding = Finding(
        bound=bound.name,
        clauses=bound.clauses,
        subject=case.subject,
        case=case.name,
        verdict=Verdict.OK,
        measured=None,
        relation=bound.relation,
        limit=bound.limit,
        unit=bound.unit,
        replay=replay_of(case.subject, case.name, case.seconds, case.seed),
    )
    try:
        measured = MEASURES[bound.name](seen)
    except Missing as missing:
        return replace(finding, verdict=Verdict.UNKNOWN, measured=None, witness=str(missing))
    if seen.result.ended != WHOLE:
        broke_off = f"the run broke off: {seen.result.ended}"
        guilty = bound.relation == "<=" and not bound.holds(measured)
        return replace(finding, verdict=Verdict.ILLEGAL if guilty else Verdict.UNKNOWN, measured=measured, witness=broke_off)
    if not bound.holds(measured):
        if bound.name not in EXACT and (noise := noise_in(seen.result)):
            return replace(finding, verdict=Verdict.UNKNOWN, measured=measured, witness=noise)
        return replace(
            finding, verdict=Verdict.ILLEGAL, measured=measured, witness="; ".join(seen.result.problems[:3]) or bound.what
        )
    cores = seen.result.figures.get("generator_cores", 0.0)
    if bound.name == "goodput" and cores > GENERATOR_LIMIT:
        return replace(
            finding, verdict=Verdict.UNKNOWN, measured=measured, witness=f"the generator took {cores:.2f} of a core itself"
        )
    return replace(finding, verdict=Verdict.OK, measured=measured, witness="")


def noise_in(result: Result) -> str:
    """Say what made a run too noisy to find fault with; empty if nothing did."""
    figures = result.figures
    stolen, moved = figures.get("stolen_share", 0.0), figures.get("provisioned_noise", 0.0)
    if stolen > STOLEN_LIMIT:
        return f"noise: others took {stolen:.0%} of the processor"
    if moved > RATE_NOISE_LIMIT:
        return f"noise: the workers' own rate differs by {moved:.0%} before and after"
    return ""


def replay_of(subject: str, case: str, seconds: float, seed: int) -> str:
    """Give the command that runs one case again."""
    words = ["tidegate", "stress", "--case", case, "--seconds", f"{seconds:g}", "--seed", str(seed)]
    return shlex.join(words if subject == OURS else [*words, "--subject", subject])
