"""Run the cases of a profile one after the other, judge them, and gather the report.

A timed bound that does not hold is looked at again, in a new run of its case, up to three times: it must fail in each. An exact one
fails at once.
"""

import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from tidegate import __version__
from tidegate_specs.check import Verdict

from ..load.unloaded import stolen_share
from .books import LATENESS_S
from .bounds import BOUNDS, EXACT, Breaker, Evidence, judge
from .case import OURS, WHOLE, Case, Collapse, CurvePoint, Finding, Interval, LabProfile, LabReport, Ladder, Link, Pair, Result
from .cases import BASIS, CURVE, PAIRED, case_named, paired
from .collapse import compare
from .histogram import Histogram, ladder
from .subjects import UNBOUNDED, version_of
from .supervise import run_cases

ATTEMPTS: Final = 3
NOISE_S: Final = 1.0


class Watcher(Protocol):
    """Be told how the laboratory goes on."""

    def begun(self, case: Case, number: int, total: int) -> None:
        """Hear which case begins."""
        ...

    def interval(self, case: Case, interval: Interval) -> None:
        """Hear what happened in an interval of it."""
        ...

    def ended(self, result: Result, findings: Sequence[Finding]) -> None:
        """Hear how it ended, and how it is judged."""
        ...

    def links(self, links: Sequence[Link]) -> None:
        """Hear of the nine links of the collapse."""
        ...

    def note(self, text: str) -> None:
        """Hear a line that stays."""
        ...

    def tick(self) -> None:
        """Be called several times a second."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def noise() -> dict[str, float]:
    """Measure, before anything else runs, what others take of the processor and how late a thread wakes."""
    late = Histogram()
    end_s = time.monotonic() + NOISE_S
    while time.monotonic() < end_s:
        start_ns = time.perf_counter_ns()
        time.sleep(LATENESS_S)
        late.record(time.perf_counter_ns() - start_ns - int(LATENESS_S * 1e9))
    found = ladder([late])
    figures = {"stolen_share": stolen_share(50)}
    if found is not None:
        figures |= {"late_p99_s": found.at(99.0) / 1e9, "late_max_s": found.max_ns / 1e9}
    return figures


@dataclass(slots=True)
class Laboratory:
    """Gather what one run of the laboratory sees. `report` gives what there is so far, at any moment."""

    profile: LabProfile
    seed: int
    watcher: Watcher
    saved: Callable[[LabReport], None] = lambda _report: None
    results: list[Result] = field(default_factory=list[Result])
    findings: list[Finding] = field(default_factory=list[Finding])
    broken: list[Finding] = field(default_factory=list[Finding])
    pairs: list[Pair] = field(default_factory=list[Pair])
    curve: list[CurvePoint] = field(default_factory=list[CurvePoint])
    collapse: Collapse | None = None
    noise: dict[str, float] = field(default_factory=dict[str, float])
    _begun_s: float = field(default_factory=time.monotonic)
    _started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def report(self) -> LabReport:
        """Give all that was seen so far."""
        return LabReport(
            version=__version__,
            python=f"{platform.python_implementation()} {platform.python_version()}",
            platform=platform.platform(),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            started=self._started,
            profile=self.profile,
            seed=self.seed,
            seconds=round(time.monotonic() - self._begun_s, 1),
            noise=self.noise,
            results=tuple(self.results),
            findings=tuple(self.findings),
            broken=tuple(self.broken),
            pairs=tuple(self.pairs),
            curve=tuple(self.curve),
            collapse=self.collapse,
            peers={result.case.subject: version for result in self.results if (version := version_of(result.case.subject))},
        )

    def run(self, plan: Sequence[Sequence[Case]], judged: Iterable[str] = (OURS,)) -> None:
        """Run these cases. Bounds are judged on the subjects named; the others are there to compare with."""
        subjects = frozenset(judged)
        for number, cases in enumerate(plan, 1):
            self.watcher.begun(cases[0], number, len(plan))
            result, pair, findings = self._judged(cases, judging=cases[0].subject in subjects)
            self.results.append(result)
            self.findings += findings
            if pair is not None:
                self.pairs.append(pair)
            self.watcher.ended(result, findings)
            self.saved(self.report())

    def _judged(self, cases: Sequence[Case], *, judging: bool) -> tuple[Result, Pair | None, list[Finding]]:
        """Run one case, again if a timed bound does not hold."""
        best: dict[str, Finding] = {}
        attempt = 0
        while True:
            result, pair = self._once([replace(case, seed=case.seed + attempt) for case in cases])
            seen = Evidence(result, self._peers(result), pair)
            for finding in [judge(bound, seen) for bound in BOUNDS.values() if judging and bound.covers(result.case.name)]:
                before = best.get(finding.bound)
                best[finding.bound] = finding if before is None else _merged(before, finding)
            again = any(finding.verdict is not Verdict.OK and finding.bound not in EXACT for finding in best.values())
            attempt += 1
            if not again or attempt == ATTEMPTS or result.ended != WHOLE or self.profile == "soak":
                return result, pair, list(best.values())

    def _once(self, cases: Sequence[Case]) -> tuple[Result, Pair | None]:
        results = run_cases(cases, self.watcher.interval, self.watcher.tick)
        if len(results) == 1:
            return results[0], None
        ours, theirs = (result.ladders.get("offer_call") for result in results)
        broke = next((result for result in results if result.ended != WHOLE), None)
        result = replace(results[0], ended=broke.ended, witness=broke.witness) if broke else results[0]
        return result, Pair(result.case.level, ours, theirs) if isinstance(ours, Ladder) and isinstance(theirs, Ladder) else None

    def _peers(self, result: Result) -> dict[str, Result]:
        return {each.case.name: each for each in self.results if each.case.subject == result.case.subject}

    def measure_curve(self, seconds: float = 3.0) -> None:
        """Measure what yielding on every n-th rejection brings and costs."""
        for number, every in enumerate(CURVE, 1):
            subject = f"yield:{every}"
            spinning, pair = (
                case_named("spinning", subject, seconds, self.seed),
                paired(PAIRED + "100x", subject, 2 * seconds, self.seed),
            )
            self.watcher.begun(spinning, number, len(CURVE))
            share = self._once([spinning])[0].figures.get("goodput_share")
            result, compared = self._once(pair)
            self.watcher.ended(result, ())
            if share is not None and compared is not None:
                ours = compared.ours
                self.curve.append(CurvePoint(every, share, ours.at(50.0), ours.at(99.0), ours.at(99.9)))
            self.saved(self.report())

    def follow_collapse(self, seconds: float) -> None:
        """Drive an unbounded queue into collapse, then the kernel under the same load."""
        there, here = case_named("collapse", UNBOUNDED, seconds, self.seed), case_named("collapse", OURS, seconds, self.seed)
        found: list[Result] = []
        for number, case in enumerate((there, here), 1):
            self.watcher.begun(case, number, 2)
            result, _ = self._once([case])
            found.append(result)
            findings = [
                judge(bound, Evidence(result, {})) for bound in BOUNDS.values() if bound.covers(case.name) and case.subject == OURS
            ]
            self.findings += findings
            self.watcher.ended(result, findings)
        self.collapse = compare(found[0], found[1])
        self.watcher.links(self.collapse.links)
        self.saved(self.report())

    def break_bounds(self, names: Iterable[str] = tuple(BOUNDS)) -> None:
        """Run what breaks each bound, and note whether it did: each of these findings should be ILLEGAL."""
        pairs = [(name, breaker) for name in names for breaker in BOUNDS[name].broken_by]
        for number, (name, breaker) in enumerate(pairs, 1):
            cases = list(cases_of(breaker, self.seed))
            self.watcher.begun(cases[-1][0], number, len(pairs))
            results: dict[str, Result] = {}
            pair: Pair | None = None
            for case in cases:
                result, pair = self._once(case)
                results[result.case.name] = result
            finding = judge(BOUNDS[name], Evidence(results[breaker.case], results, pair))
            self.broken.append(finding)
            self.watcher.note(_broken_text(finding))
            self.saved(self.report())


def cases_of(breaker: Breaker, seed: int) -> Iterator[list[Case]]:
    """Give the cases that a breaker needs, what it is compared with first."""
    for name in (BASIS.get(breaker.case), breaker.case):
        if name is not None and name.startswith(PAIRED):
            yield paired(name, breaker.subject, breaker.seconds, seed)
        elif name is not None:
            yield [case_named(name, breaker.subject, breaker.seconds, seed)]


def _merged(before: Finding, now: Finding) -> Finding:
    """Join two looks at one bound: an exact fault stays, a timed one must be there in every look."""
    ranks = (Verdict.OK, Verdict.UNKNOWN, Verdict.ILLEGAL)
    worst = max(before, now, key=lambda finding: ranks.index(finding.verdict))
    return worst if now.bound in EXACT else min(before, now, key=lambda finding: ranks.index(finding.verdict))


def _broken_text(finding: Finding) -> str:
    word = "breaks" if finding.verdict is Verdict.ILLEGAL else f"does NOT break ({finding.verdict.value})"
    measured = "nothing" if finding.measured is None else f"{finding.measured:.3g}"
    allowed = f"{finding.relation} {finding.limit:g} {finding.unit}"
    return f"{finding.subject} in {finding.case} {word} {finding.bound}: {measured} (allowed: {allowed})"
