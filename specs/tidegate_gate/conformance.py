"""Judge a bounded intake that is not ours from Python, or as tests of pytest: one for each clause, named by its id.

    from tidegate_gate.conformance import check_intake, each_clause

    found = check_intake(MyIntake)          # an adapter, see `tidegate_specs.conformance`; or "package.module:MyIntake"
    found.demand()                          # raises NotConforming, with the witnesses and what replays them

    @each_clause(MyIntake)
    def test_my_intake(clause): ...         # test_my_intake[BOUND-1], test_my_intake[EXACT-1], ...

It is `tidegate verify --intake`: the same checks, each in a child process that may hang or crash, and the same report.
"""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import pytest

from tidegate_specs.check import Profile, Verdict, overall
from tidegate_specs.clauses import CLAUSES
from tidegate_specs.conformance import Expected
from tidegate_specs.conformance.levels import Standing
from tidegate_specs.extras import UsageError

from .report import ClauseReport, finding, replay_command
from .standing import verdict_on
from .verify import Judged, judge_quietly

IDS = tuple(str(clause.id) for clause in CLAUSES)


class NotConforming(AssertionError):
    """Report clauses that are ILLEGAL or UNKNOWN, each with its witness and the command that replays it."""


@dataclass(frozen=True, slots=True)
class ClauseVerdict:
    """Give the verdict on one clause.

    verdict: OK, ILLEGAL or UNKNOWN; None where the clause is not applicable. counts: what it adds to the whole: as `verdict`, but
    OK for a failure that was expected, and ILLEGAL for one that was expected and did not come. text: the evidence and, where it
    is not OK, each witness and the command that replays it; or why it is not applicable. expected: reason and link.
    """

    id: str
    verdict: Verdict | None
    counts: Verdict
    text: str
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class Conformance:
    """Give the verdicts on an intake. `clauses` has all clauses of the contract, by id and in its order.

    standing: which level is held, and what stands between it and the next; None where only some clauses were judged.
    """

    intake: str
    title: str
    version: str
    clauses: Mapping[str, ClauseVerdict]
    standing: Standing | None = None

    @property
    def verdict(self) -> Verdict:
        """Give the verdict on the whole: the worst of those on the clauses that are applicable, and on the level asked for."""
        counts = [clause.counts for clause in self.clauses.values() if clause.verdict is not None]
        return overall([*counts, verdict_on(self.standing)] if counts else [])

    def demand(self) -> None:
        """Raise NotConforming unless every applicable clause is OK, or broken as expected."""
        bad = [clause for clause in self.clauses.values() if clause.verdict is not None and clause.counts is not Verdict.OK]
        if bad or self.verdict is not Verdict.OK:
            told = "\n".join(f"{clause.counts.value} {clause.id}: {clause.text}" for clause in bad)
            raise NotConforming(told or f"nothing could be judged of {self.intake}")


def check_intake(
    intake: Callable[[int], Any] | str,
    *,
    profile: Profile = "quick",
    seed: int = 0,
    clauses: Sequence[str] = (),
    expected: Mapping[str, Expected] | None = None,
    level: str = "",
) -> Conformance:
    """Judge an intake behind an adapter; it takes from seconds to a minute or two.

    intake: an adapter that can be imported by its name, or that name as "package.module:adapter". clauses: ids; none means all.
    expected: clauses that are known to be broken, beside those that the adapter names itself; an id that is none, or not
    applicable, warns. level: judge up to this one only. Raises ValueError for what can't be judged at all.
    """
    spec = intake if isinstance(intake, str) else _name_of(intake)
    options = ["--intake", spec, "--profile", profile, "--seed", str(seed)]
    options += [word for id_ in clauses for word in ("--clause", id_)] + (["--level", level] if level else [])
    try:
        found = judge_quietly(options, expected, tuple(entry for entry in sys.path if entry))
    except UsageError as error:
        raise ValueError(str(error)) from None
    for warning in found.warnings:
        warnings.warn(warning, stacklevel=2)
    return conformance_of(found, clauses or IDS)


def each_clause(
    intake: Callable[[int], Any] | str,
    *,
    profile: Profile = "quick",
    seed: int = 0,
    expected: Mapping[str, Expected] | None = None,
    level: str = "",
) -> Callable[[Callable[[ClauseVerdict], object]], Callable[[str], None]]:
    """Make of a test function one test for each clause of the contract, named by its id.

    The intake is judged once, when the first of them runs. A clause that is not applicable is skipped, one that is broken as
    expected is an expected failure; ILLEGAL and UNKNOWN fail, with witness and replay. The function is called for clauses that
    are OK.
    """

    @cache
    def found() -> Conformance:
        return check_intake(intake, profile=profile, seed=seed, expected=expected, level=level)

    def decorate(test: Callable[[ClauseVerdict], object]) -> Callable[[str], None]:
        def judged(clause: str) -> None:
            verdict = found().clauses[clause]
            if verdict.verdict is None:  # the adapter does not declare what the clause is about: neither a pass nor a failure
                pytest.skip(f"not applicable: {verdict.text}")
            if verdict.counts is not Verdict.OK:
                pytest.fail(f"{verdict.counts.value} {clause}: {verdict.text}", pytrace=False)
            if verdict.expected is not None:
                pytest.xfail(f"{verdict.expected.reason} ({verdict.expected.link})")
            test(verdict)

        judged.__name__ = getattr(test, "__name__", "test_each_clause")
        judged.__qualname__ = getattr(test, "__qualname__", judged.__name__)
        judged.__doc__, judged.__module__ = test.__doc__, test.__module__
        return cast("Callable[[str], None]", pytest.mark.parametrize("clause", IDS)(judged))

    return decorate


def _name_of(intake: Callable[[int], Any]) -> str:
    module, name = getattr(intake, "__module__", ""), getattr(intake, "__qualname__", "")
    if not module or module == "__main__" or not name or "<" in name:
        raise ValueError(f"{intake!r} can't be imported by its name, and it is judged in another process: put it in a module")
    return f"{module}:{name}"


def conformance_of(found: Judged, ids: Sequence[str] = IDS) -> Conformance:
    """Give the verdicts on these clauses as a run found them."""
    reports = {report.id: report for report in found.reports}
    verdicts = {
        id_: _verdict(reports[id_], found)
        if id_ in reports
        else ClauseVerdict(id_, None, Verdict.UNKNOWN, found.inapplicable.get(id_, "no check bears on it"))
        for id_ in ids
    }
    return Conformance(found.request.subject, found.about.title, found.about.version, verdicts, found.standing)


def _verdict(report: ClauseReport, found: Judged) -> ClauseVerdict:
    lines = [report.evidence]
    for answer in report.answers:
        if report.id in answer.accused or answer.verdict is Verdict.UNKNOWN:
            lines.append(f"{answer.verdict.value} {answer.check.name}: {finding(answer, report.id)}")
            lines += answer.witness_of(report.id).splitlines()
            lines.append(f"replay: {replay_command(answer, found.request)}")
    return ClauseVerdict(report.id, report.verdict, report.counts, "\n".join(lines), report.expected)
