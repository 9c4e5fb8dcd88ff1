"""One run of the gate: what was asked, what was answered so far, and where it is shown."""

import argparse
import fnmatch
import math
import platform
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import cast

from tidegate import __version__
from tidegate_specs.check import Profile, Verdict, overall
from tidegate_specs.conformance.adapter import Expected
from tidegate_specs.conformance.classes import why_not_applicable
from tidegate_specs.conformance.levels import Standing
from tidegate_specs.extras import UsageError
from tidegate_specs.registry import AROUND_IDS
from tidegate_specs.reports import ReportFile

from .budget import Purchase, buy
from .display import Display
from .junit import as_junit
from .options import closest, hidden_options
from .plan import About, Answer, Failure, Inapplicable, Planned, Request
from .report import ClauseReport, Level, as_json, count_text, expect, judge, some
from .shards import Shard
from .standing import as_lines, disturbs_no_more, in_scope, standing_of, undeclared, verdict_on
from .statement import as_statement
from .supervisor import Running
from .vendored import CONFORMANCE


class Run:
    """One run of the gate: what was asked, what was answered so far, and where it is shown."""

    def __init__(self, arguments: argparse.Namespace, display: Display, ids: Sequence[str]) -> None:
        self.request = Request(
            subject=cast(str, arguments.subject),
            profile=cast(Profile, arguments.profile),
            seed=cast(int, arguments.seed),
            path=cast("tuple[str, ...]", arguments.path),
        )
        self.display = display
        self.about = About()
        self.inapplicable: dict[str, str] = {}
        self.warnings: list[str] = []
        self.expected = dict(cast("dict[str, Expected]", arguments.expected))
        self.asked = cast(str, arguments.level)
        self.known = frozenset(ids)
        self._order = tuple(ids)
        chosen = [id_ for id_ in ids if not self.asked or in_scope(self.asked, id_)]
        self.ids = [id_ for id_ in chosen if not arguments.clause or id_ in arguments.clause]
        self.patterns = cast("list[str]", arguments.check)
        self.shard = cast("Shard | None", arguments.shard)
        self.more = hidden_options(arguments)
        self.budget_s = cast("float | None", arguments.budget)
        self.spent = False
        self.bought: Purchase | None = None
        self._jobs = cast(int, arguments.jobs)
        self._named = [*self.patterns, *cast("list[str]", arguments.clause)]
        self._shared: list[str] = []
        self._json_file = ReportFile(cast("str | None", arguments.json))
        self._junit_file = ReportFile(cast("str | None", arguments.junit), "--junit")
        self._markdown_file = ReportFile(cast("str | None", arguments.markdown), "--markdown")
        statement = cast("str | None", arguments.statement)
        self._statement_file = None if statement is None else ReportFile(statement, "--statement")
        self._skipped: list[tuple[Planned, str]] = []
        self._lacking: list[Inapplicable] = []
        self.levels = cast("list[Level]", arguments.levels)
        self.plan: list[Planned] = []
        self.answers: list[Answer] = []
        self.failed: list[Answer] = []
        self._undeclared: list[Answer] = []
        self.write(final=False)

    def answered(self, answer: Answer) -> None:
        """Take an answer, show it, and bring the report on disk up to date."""
        answer = replace(answer, blames=tuple(id_ for id_ in answer.blames if id_ in self.known))
        self.answers.append(answer)
        # What can't be shown to be kept may still be seen to be broken.
        if seen := {id_ for id_ in answer.blames if self.inapplicable.pop(id_, "")}:
            self.ids = [id_ for id_ in self._order if id_ in seen or id_ in self.ids]
        self.display.answered(answer, self.answers)
        self.write(final=False)

    def tick(self, running: Sequence[Running]) -> None:
        """Show what is going on."""
        self.display.tick(running)

    def select(self, plan: Iterable[Planned], failures: Iterable[Failure]) -> None:
        """Choose what to run; a group that could not be loaded leaves each clause it may bear on UNKNOWN."""
        sound: list[Planned] = list(plan)
        failed = list(failures)
        for failure in failed:
            if failure.kind in {"subject", "optimised"}:
                raise UsageError(failure.message)
        for group in dict.fromkeys(check.group for check in sound):
            if fault := fault_of([check for check in sound if check.group == group], self.known):
                sound = [check for check in sound if check.group != group]
                failed.append(Failure(group, "defect", fault))
        known = {id_ for check in sound for id_ in check.clauses}
        if self.request.is_intake:
            self._leave_out(known)
        elif not (failed or self.patterns) and (absent := [id_ for id_ in self.ids if id_ in AROUND_IDS - known]):
            self.ids = [id_ for id_ in self.ids if id_ not in absent]
            self.display.note(f"not applicable, as {self.request.subject} lacks what these are about: {', '.join(absent)}")
        self.plan = [check for check in sound if self._is_chosen(check)]
        self._skipped = [(check, self._why_not(check)) for check in sound if not self._is_chosen(check)]
        if self.patterns:
            _refuse_unmatched(self.patterns, sound, failed)
            chosen = {id_ for check in self.plan for id_ in check.clauses}
            self.ids = [id_ for id_ in self.ids if id_ in chosen or failed]
        if self.shard is not None:
            self._take_share(self.shard)
        if self.budget_s is not None:
            self._buy(self.budget_s)
        self.display.planned(self.plan, [report.id for report in self.judge()])
        for failure in failed:
            self.failed.append(failure.answer(tuple(self.ids)))
            self.display.note(f"UNKNOWN  {failure.sentence()}")

    def describe(self, about: About, inapplicable: Sequence[Inapplicable]) -> None:
        """Hear what somebody else's intake is, and which checks need more than it declares."""
        self.about = about
        self.expected = {**about.expected, **self.expected}
        self._lacking = list(inapplicable)

    def judge(self) -> list[ClauseReport]:
        """Judge every clause by what was answered so far; what was not is UNKNOWN."""
        reports = [self._left_unsaid(report) for report in expect(judge(self.ids, self._all_answers()), self.expected)]
        # A shard judges no clause on which it has no check; but until it is known what it has, each is UNKNOWN.
        return [report for report in reports if report.answers] if self._shared else reports

    def all_levels(self, reports: Sequence[ClauseReport]) -> list[Level]:
        """Give the levels of a vendored copy, of which the run is the last. None for any other subject."""
        verdict = overall(report.counts for report in reports)
        return [*self.levels, Level(CONFORMANCE, verdict, clauses_text(reports))] if self.levels else []

    def verdict(self, reports: Iterable[ClauseReport]) -> Verdict:
        """Give the verdict on the whole: on these clauses, the levels of a vendored copy before them, and the level asked for."""
        told = list(reports)
        asked = [verdict_on(self.standing(told))] if self.asked else []
        return overall([*(level.as_clause().verdict for level in self.levels), *(report.counts for report in told), *asked])

    def standing(self, reports: Sequence[ClauseReport]) -> Standing | None:
        """Say which level an intake holds; None of another subject, or where only some of the clauses or checks were chosen."""
        if not self.request.is_intake or self._named or "limiter" in self.about.capabilities:
            return None
        return standing_of(self.about, self.asked, reports, self.inapplicable)

    def waves(self) -> tuple[list[Planned], ...]:
        """Give the checks in the parts that run one after another: one, unless time is limited."""
        return (self.plan,) if self.bought is None else (self.bought.first, self.bought.then)

    def _buy(self, budget_s: float) -> None:
        """Choose what the time is spent on, and say it before anything is run."""
        most_s = math.inf if self.patterns else budget_s  # of checks that are named none is left out beforehand
        self.bought = found = buy(self.plan, self.ids, self.request.profile, most_s, self._jobs)
        self._skipped += [(check, f"left out: the budget of {budget_s:g} s buys others") for check in found.left_out]
        self.plan = [*found.first, *found.then]
        bare = found.bare(self.ids)
        answered = len([id_ for id_ in self.ids if id_ not in bare])
        self.display.note(
            f"the budget of {budget_s:g} s buys {count_text(len(self.plan), 'checks')} on {answered} of"
            f" {count_text(len(self.ids), 'clauses')}, and leaves out {count_text(len(found.left_out), 'checks')}"
        )
        for check in found.left_out:
            self.display.note(f"  left out: {check.name} ({', '.join(id_ for id_ in check.clauses if id_ in self.ids)})")
        if bare:
            self.display.note(f"  no check fits, so UNKNOWN: {', '.join(bare)}")

    def run_short(self, unfinished: Collection[str]) -> None:
        """Take it that the time was over: what was bought and not begun is left out, too; what was begun has no answer."""
        if self.bought is None or self.patterns or not self.spent:
            return
        ended = {answer.check.name for answer in self.answers}
        late = [check for check in self.plan if check.name not in ended and check.name not in unfinished]
        self.bought = replace(self.bought, left_out=[*self.bought.left_out, *late])
        self._skipped += [(check, self.left_out()) for check in late]
        self.plan = [check for check in self.plan if check not in late]
        if late:
            self.display.note(f"the time was over before {count_text(len(late), 'checks')} that it was to buy")

    def _left_unsaid(self, report: ClauseReport) -> ClauseReport:
        """Say of a clause which checks on it the budget left out."""
        names = [] if self.bought is None else self.bought.without(report.id)
        return replace(report, evidence=f"{report.evidence}; left out by the budget: {some(names)}") if names else report

    def left_out(self) -> str:
        """Say why a check may have no answer."""
        return f"left out: the budget of {self.budget_s:g} s was spent" if self.spent else "not checked"

    def write(self, final: bool) -> None:
        """Bring the reports on disk up to date."""
        self._json_file.write(self.json(), final)
        self._junit_file.write(self._junit(), final)

    def json(self) -> str:
        reports = self.judge()
        shard = None if self.shard is None else self._shard_json(self.shard)
        python, machine = platform.python_version(), platform.platform()
        verdict, levels = self.verdict(reports), self.all_levels(reports)
        intake, standing = self._intake_json(), self.standing(reports)
        return as_json(verdict, reports, self.request, python, machine, self.more, shard, intake, levels, standing)

    def _leave_out(self, judged: set[str]) -> None:
        """Say which clauses are not applicable to an intake, and why; and which expectations are about nothing."""
        left_open = None if self.patterns else undeclared(self.about, [id_ for id_ in self.ids if id_ not in judged])
        if left_open is not None:
            self._undeclared.append(left_open)
            judged |= set(left_open.check.clauses)
            self.display.note(f"UNKNOWN  {', '.join(left_open.check.clauses)}: {left_open.evidence}")
        for id_ in [id_ for id_ in self.ids if id_ not in judged]:
            self.inapplicable[id_] = why_not_applicable(id_, self.about.capabilities)
        self.ids = [id_ for id_ in self.ids if id_ in judged]
        for id_, reason in self.inapplicable.items():
            self.display.note(f"{'n/a':<8} {id_:<13} {reason}")
        for id_ in self.expected:
            if id_ in self.inapplicable:
                self.warnings.append(f"{id_} is expected to be broken, and is not applicable: {self.inapplicable[id_]}")
            elif id_ not in self.known:
                self.warnings.append(f"{id_} is expected to be broken, and there is no such clause{closest(id_, self._order)}")
        for warning in self.warnings:
            self.display.note(f"warning: {warning}")
        if self._lacking:
            lacks = sorted({lack for one in self._lacking for lack in one.lacks})
            self.display.note(
                f"{count_text(len(self._lacking), 'checks')} not run, as what they need is not declared: {', '.join(lacks)}"
            )

    def _intake_json(self) -> dict[str, object] | None:
        if not self.request.is_intake:
            return None
        return {
            "title": self.about.title,
            "version": self.about.version,
            "capabilities": list(self.about.capabilities),
            "not_applicable": self.inapplicable,
        }

    def write_statement(self, reports: Sequence[ClauseReport]) -> None:
        """Write the conformance statement, if one is wanted, of a run that came to its end."""
        if self._statement_file is not None:
            text = as_statement(self.verdict(reports), reports, self.plan, self.request, self.more)
            self._statement_file.write(text, final=True)

    def write_markdown(self, text: str) -> None:
        """Write the report for a reader as Markdown, if one is wanted."""
        self._markdown_file.write(text, final=True)

    def _take_share(self, shard: Shard) -> None:
        self._shared = sorted(check.name for check in self.plan)
        whole, self.plan = self.plan, shard.share(self.plan, self.request.profile)
        self._skipped += [(check, f"not in shard {shard}") for check in whole if check not in self.plan]

    def _shard_json(self, shard: Shard) -> dict[str, object]:
        return {
            "index": shard.index,
            "of": shard.of,
            "version": __version__,
            "subject": self.request.subject,
            "profile": self.request.profile,
            "seed": self.request.seed,
            "only": self._named,
            "options": self.more,
            "clauses": self.ids,
            "plan": self._shared,
        }

    def _junit(self) -> str:
        reports = self.judge()
        standing = self.standing(reports)
        told = () if standing is None else ("\n".join(as_lines(standing)), verdict_on(standing))
        return as_junit(reports, self._all_answers(), self._skipped, self.request, self.more, levels=self.levels, standing=told)

    def _all_answers(self) -> list[Answer]:
        ended = {answer.check.name for answer in self.answers}
        missing = [Answer(check, Verdict.UNKNOWN, self.left_out()) for check in self.plan if check.name not in ended]
        return [*self.failed, *self._undeclared, *self.answers, *missing]

    def _why_not(self, check: Planned) -> str:
        if self.patterns or not any(id_ in self.ids for id_ in check.clauses):
            return "not among what --check and --clause name"
        if self.asked and not disturbs_no_more(self.asked, check):
            return f"counts above the level {self.asked}"
        return "only in profile full"

    def _is_chosen(self, check: Planned) -> bool:
        if self.patterns:
            named = any(does_match(check, pattern) for pattern in self.patterns)
        else:
            named = self.request.profile == "full" or not check.deep
            named = named and (not self.asked or disturbs_no_more(self.asked, check))
        return named and any(id_ in self.ids for id_ in check.clauses)


def fault_of(checks: Sequence[Planned], known: frozenset[str]) -> str:
    """Say what is wrong with the way a group describes its checks."""
    names = [check.name for check in checks]
    for check in checks:
        strange = [id_ for id_ in check.clauses if id_ not in known]
        if strange or not check.clauses:
            return f"{check.name} bears on {'the unknown ' + ', '.join(strange) if strange else 'no clause'}"
        if names.count(check.name) > 1:
            return f"two checks are named {check.name}"
        if not check.name.startswith(check.group.name + "."):
            return f"{check.name} should be named {check.group.name}.something"
    return ""


def _refuse_unmatched(patterns: Sequence[str], checks: Sequence[Planned], failed: Sequence[Failure]) -> None:
    lost = {failure.group.name for failure in failed}
    for pattern in patterns:
        if not any(does_match(check, pattern) for check in checks) and pattern.partition(".")[0] not in lost:
            raise UsageError(f"no check {pattern}{closest(pattern, [check.name for check in checks])}; --list shows all")


def does_match(check: Planned, pattern: str) -> bool:
    return pattern == check.group.name or fnmatch.fnmatchcase(check.name, pattern)


def clauses_text(reports: Sequence[ClauseReport]) -> str:
    bad = [
        f"{count} {verdict.value}"
        for verdict in (Verdict.ILLEGAL, Verdict.UNKNOWN)
        if (count := sum(report.counts is verdict for report in reports))
    ]
    expected = sum(report.label == "EXPECTED" for report in reports)
    bad += [f"{expected} ILLEGAL as expected"] if expected else []
    return count_text(len(reports), "clauses") + (f" of which {' and '.join(bad)}" if bad else "")
