"""`tidegate verify`: run every check, judge clause by clause, and say what the verdict rests on."""

import argparse
import difflib
import fnmatch
import importlib
import io
import math
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, Self, TextIO, cast

from tidegate import __version__
from tidegate_specs.check import EXIT_CODES, Profile, Verdict, overall
from tidegate_specs.conformance.adapter import Expected, names_in
from tidegate_specs.conformance.classes import why_not_applicable
from tidegate_specs.conformance.levels import NAMES, Standing
from tidegate_specs.extras import UsageError, require
from tidegate_specs.options import at_least, clause_id
from tidegate_specs.registry import AROUND_IDS
from tidegate_specs.reports import ReportFile

from .budget import Purchase, buy, parse_budget_s
from .display import Display, PlainDisplay, indented, tell_clauses
from .github import publish, summary
from .junit import as_junit
from .manifest import Installed
from .plan import FOREIGN_GROUPS, GROUPS, About, Answer, Failure, Group, Inapplicable, Planned, Request
from .report import ClauseReport, Level, as_json, count_text, expect, judge, seconds_text, some
from .shards import Merged, Shard, merge
from .smoke import mistake_of
from .standing import as_lines, disturbs_no_more, in_scope, standing_of, undeclared, verdict_on
from .statement import as_statement
from .supervisor import Running, Supervisor
from .vendored import CONFORMANCE, folder_of, levels

_EPILOG = """\
examples:
  tidegate verify                                   everything, in two to three minutes on 2 cores
  tidegate verify --profile full                    everything, harder, in about a quarter of an hour on 2 cores
  tidegate verify --clause BOUND-1 --clause FORK-1  only the checks that bear on these clauses
  tidegate verify --check scenarios.09 --seed 7     one check, as the line under a failure says
  tidegate verify --check scenarios                 all checks of one group
  tidegate verify --intake tidegate_specs.conformance.peers:QueueQueue   somebody else's queue, behind an adapter
  tidegate verify --level threads --intake tidegate_specs.conformance.peers:QueueQueue   what a queue with a lock can keep
  tidegate verify --json report.json                the report for a machine, kept up to date while the gate runs
  tidegate verify --junit report.xml                the same as JUnit XML, for a CI system
  tidegate verify --markdown report.md              the verdict, what is not OK and a table of clauses, for a job summary
  tidegate verify --statement 0.2.0.md              the verdict on each clause and what it rests on, to be published
  tidegate verify --budget 30s                      as much as fits into the time; what does not is UNKNOWN
  tidegate verify --shard 1/2 --json 1.json         one half of the checks; the other half runs elsewhere
  tidegate verify --merge 1.json 2.json             the verdict on the whole
  tidegate verify --vendored src/myapp/_gate        a copy that tidegate vendor has made: its files, origin, import, and conduct
  tidegate verify --files-only --vendored DIR       only its files and origin: reads files, imports nothing, needs no extra

exit codes:
  0  OK: every clause is OK
  1  ILLEGAL: a clause was found broken; the witness and the command that replays it are printed
  2  bad usage, an adapter whose first calls go wrong, or something that the gate needs is not installed
  3  UNKNOWN: a check had no answer (a limit, a crash, a noisy machine), or the run was stopped by Ctrl-C, SIGTERM
     or SIGHUP before any clause was found broken, or nobody was there to read the verdict (a closed pipe)
"""
_SEED = 0
_REGISTRY = "tidegate_specs.registry"


class _Interrupt:
    """Note a signal that ends the run. A second one ends the process there and then."""

    def __init__(self) -> None:
        self.name = ""
        self.emergency: Callable[[], None] = lambda: None
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                    continue  # started under nohup
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def __bool__(self) -> bool:
        return bool(self.name)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.name:
            self.emergency()
            os._exit(3)
        self.name = signal.Signals(number).name


class _Run:
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
        self.more = _hidden_options(arguments)
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
            if fault := _fault([check for check in sound if check.group == group], self.known):
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
        return [*self.levels, Level(CONFORMANCE, verdict, _clauses_text(reports))] if self.levels else []

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
                self.warnings.append(f"{id_} is expected to be broken, and there is no such clause{_closest(id_, self._order)}")
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
            named = any(_matches(check, pattern) for pattern in self.patterns)
        else:
            named = self.request.profile == "full" or not check.deep
            named = named and (not self.asked or disturbs_no_more(self.asked, check))
        return named and any(id_ in self.ids for id_ in check.clauses)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the gate; return the exit code that its help tells."""
    arguments = _parser().parse_args(argv)
    try:
        for option in ("json", "junit", "markdown", "statement"):
            ReportFile(cast("str | None", getattr(arguments, option)), f"--{option}")  # or say at once that it can't be written
        if arguments.files_only and arguments.vendored is None:
            raise UsageError("--files-only is for --vendored DIR")
        if arguments.statement is not None:
            _refuse_beside("--statement", arguments, _STATING, "is of a whole run on what is installed")
            Installed.find()  # or say at once why nothing could be stated
        if arguments.merge:
            return _merge(arguments)
        return _verify(arguments) if arguments.vendored is None else _vendored(arguments)
    except UsageError as error:
        print(f"tidegate verify: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate verify",
        description="Judge the kernel by its contract, clause by clause: OK, ILLEGAL or UNKNOWN, with the evidence.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=("quick", "full"), default="quick", help="how hard to look (default: quick)")
    parser.add_argument(
        "--clause",
        type=clause_id,
        action="append",
        default=[],
        metavar="ID",
        help="only checks that bear on this clause; repeatable",
    )
    parser.add_argument(
        "--check", action="append", default=[], metavar="NAME", help="only this check; repeatable; * matches any text"
    )
    parser.add_argument(
        "--seed", type=at_least(0), default=_SEED, metavar="N", help=f"seed of everything random (default: {_SEED})"
    )
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON; - is stdout, and the lines then go to stderr")
    parser.add_argument("--junit", type=_file, metavar="FILE", help="write the report as JUnit XML")
    parser.add_argument(
        "--markdown",
        type=_file,
        metavar="FILE",
        help="write the report as Markdown, as a job summary has it, at the end of the run",
    )
    parser.add_argument(
        "--statement", type=_file, metavar="FILE", help="write the conformance statement of a whole run, in Markdown, at its end"
    )
    parser.add_argument(
        "--budget",
        type=_budget,
        metavar="TIME",
        help="stop after this time (90s, 5m, 1h), which goes first to the cheapest check on each clause; what it can buy, and"
        " what is left out of each clause, is said beforehand; a clause for which no check fits is UNKNOWN",
    )
    parser.add_argument(
        "--shard", type=_shard, metavar="I/N", help="run only the I-th of N parts of the checks; --merge adds the reports up"
    )
    parser.add_argument(
        "--merge", nargs="+", metavar="FILE", help="run nothing: add up the JSON reports of all shards of a run to one verdict"
    )
    parser.add_argument("--list", action="store_true", help="list the checks and run none")
    parser.add_argument(
        "--subject",
        default="tidegate",
        metavar="MODULE",
        help="judge this module instead, or the package in this folder (src/app/gate, ./gate), with the same public names"
        " (default: tidegate)",
    )
    parser.add_argument(
        "--intake",
        type=_intake,
        metavar="MODULE:ADAPTER",
        help="judge somebody else's bounded intake behind an adapter instead: see tidegate_specs.conformance",
    )
    parser.add_argument(
        "--level", choices=NAMES, default="", help="with --intake: judge only what this level of conformance and those below ask"
    )
    parser.add_argument("--vendored", metavar="DIR", help="judge a copy that tidegate vendor has made, in four levels")
    parser.add_argument("--files-only", action="store_true", help="with --vendored: only the two levels that import nothing")
    parser.add_argument("--jobs", type=at_least(1), default=2, metavar="N", help="groups that run beside each other (default: 2)")
    parser.add_argument("--checks-from", action="append", default=[], metavar="MODULE", help=argparse.SUPPRESS)
    parser.add_argument("--clauses-from", default=_REGISTRY, metavar="MODULE", help=argparse.SUPPRESS)
    parser.set_defaults(levels=[], expected={}, path=())
    return parser


def _intake(text: str) -> str:
    try:
        names_in(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _file(text: str) -> str:
    if text == "-":
        raise argparse.ArgumentTypeError("a file is needed, stdout has the lines for a reader")
    return text


def _shard(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not I/N with 1 <= I <= N") from None


def _budget(text: str) -> float:
    try:
        return parse_budget_s(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a time such as 90s, 5m or 1h") from None


def _hidden_options(arguments: argparse.Namespace) -> list[str]:
    more = [word for module in arguments.checks_from for word in ("--checks-from", module)]
    if arguments.clauses_from != _REGISTRY:
        more += ["--clauses-from", cast(str, arguments.clauses_from)]
    return more


def _require_gate() -> None:
    if sys.flags.optimize:
        raise UsageError("assertions are off (-O or PYTHONOPTIMIZE): the checks would judge nothing")
    require("tidegate verify", "gate")


def _refuse_beside(option: str, arguments: argparse.Namespace, sensible: Collection[str], why: str) -> None:
    """Raise UsageError for options given that make no sense beside one."""
    plain = vars(_parser().parse_args([]))
    given = [name for name, value in vars(arguments).items() if value != plain[name] and name not in sensible]
    if other := [f"--{name.replace('_', '-')}" for name in given]:
        raise UsageError(f"{option} {why}: {', '.join(other)} cannot go with it")


def _verify(arguments: argparse.Namespace) -> int:
    ids, groups = _scope(arguments)
    display = _display(sys.stderr if arguments.json == "-" else sys.stdout)
    try:
        with _Interrupt() as interrupt:
            run = _Run(arguments, display, ids)
            try:
                return _carry_out(run, arguments, groups, interrupt)
            finally:
                if not arguments.list:
                    run.write(final=True)
    finally:
        display.close()


def judge_quietly(options: Sequence[str], expected: Mapping[str, Expected] | None = None, path: tuple[str, ...] = ()) -> "Judged":
    """Judge as `tidegate verify` does with these options, print nothing, and give what was found instead of an exit code.

    expected: more clauses that are expected to be broken. path: where the subject is looked for first. Raises UsageError for what
    the command line refuses, KeyboardInterrupt when stopped.
    """
    arguments = _parser().parse_args(options)
    arguments.expected, arguments.path = dict(expected or {}), path
    ids, groups = _scope(arguments)
    with _Interrupt() as interrupt:
        run = _Run(arguments, PlainDisplay(io.StringIO()), ids)
        _carry_out(run, arguments, groups, interrupt)
    if interrupt:
        raise KeyboardInterrupt
    reports = tuple(run.judge())
    return Judged(run.request, run.about, reports, dict(run.inapplicable), tuple(run.warnings), run.standing(reports))


@dataclass(frozen=True, slots=True)
class Judged:
    """Give what was asked, what the intake says of itself, the verdicts, why other clauses are not applicable, and warnings.

    standing: the level that it holds, where all clauses were judged.
    """

    request: Request
    about: About
    reports: tuple[ClauseReport, ...]
    inapplicable: Mapping[str, str]
    warnings: tuple[str, ...]
    standing: Standing | None = None


def _scope(arguments: argparse.Namespace) -> tuple[list[str], list[Group]]:
    """Give the clauses that are judged and the groups of checks that are loaded, or raise UsageError."""
    _require_gate()
    ids = clause_ids(cast(str, arguments.clauses_from))
    for id_ in cast("list[str]", arguments.clause):
        if id_ not in ids:
            raise UsageError(f"no clause {id_}{_closest(id_, ids)}; the clauses are {', '.join(ids)}")
    every = GROUPS if arguments.intake is None else (*FOREIGN_GROUPS, *GROUPS)
    groups = chosen_groups(cast("list[str]", arguments.checks_from), cast("list[str]", arguments.check), every)
    if arguments.intake is None:
        if arguments.level:
            raise UsageError("--level is for --intake: the kernel has to keep all clauses")
        return ids, groups
    if arguments.subject != "tidegate":
        raise UsageError("--intake and --subject both say what is judged: one of them is enough")
    if arguments.shard is not None:
        raise UsageError("--shard is for the kernel's checks: those of an intake take a minute at most")
    arguments.subject = arguments.intake
    groups = [group for group in groups if not group.kernel]
    if not groups:
        raise UsageError("these checks are about the kernel's own source, and have nothing to say of another intake")
    return [id_ for id_ in ids if id_ not in AROUND_IDS], groups


def _merge(arguments: argparse.Namespace) -> int:
    """Add up the reports of shards, and say the verdict on the whole."""
    _refuse_beside("--merge", arguments, {"merge", "json", "junit", "markdown"}, "runs nothing")
    merged = merge(cast("list[str]", arguments.merge))
    display = _display(sys.stderr if arguments.json == "-" else sys.stdout)
    try:
        return _tell_merged(merged, arguments, display)
    finally:
        display.close()


_STATING = frozenset({"statement", "profile", "seed", "jobs", "json", "junit", "markdown", "checks_from", "clauses_from"})
_READING = frozenset({"vendored", "files_only", "json", "junit"})
_JUDGING = frozenset({"profile", "seed", "clause", "check", "budget", "jobs", "markdown", "checks_from", "clauses_from"})


def _vendored(arguments: argparse.Namespace) -> int:
    """Judge a copy level by level; the last level is a run of the gate on it."""
    if arguments.files_only:
        _refuse_beside("--files-only", arguments, _READING, "reads files and runs nothing")
    else:
        _refuse_beside("--vendored", arguments, _READING | _JUDGING, "judges one copy as a whole")
        _require_gate()
    folder = folder_of(cast(str, arguments.vendored))
    stream = sys.stderr if arguments.json == "-" else sys.stdout
    display = PlainDisplay(stream)
    display.note(f"tidegate {__version__} verify: the copy {folder}")
    found: list[Level] = []
    for level in levels(folder, files_only=cast(bool, arguments.files_only)):
        found.append(level)
        _tell_level(display, level)
    if arguments.files_only or found[-1].name == CONFORMANCE:
        return _tell_levels(arguments, display, found)
    arguments.levels = found
    arguments.subject = str(folder) if os.sep in str(folder) else f"{os.curdir}{os.sep}{folder}"
    return _verify(arguments)


def _tell_level(display: Display, level: Level) -> None:
    display.note(f"{'not run' if level.verdict is None else level.verdict.value:<8} {level.name:<13} {level.evidence}")
    if level.witness:
        display.note(indented(level.witness))


def _tell_levels(arguments: argparse.Namespace, display: Display, found: Sequence[Level]) -> int:
    """Say the verdict on a copy of which no gate was run."""
    request = Request(str(arguments.vendored), cast(Profile, arguments.profile), cast(int, arguments.seed))
    clauses = [level.as_clause() for level in found]
    verdict = overall(clause.verdict for clause in clauses)
    report = as_json(verdict, [], request, platform.python_version(), platform.platform(), levels=found)
    ReportFile(cast("str | None", arguments.json)).write(report, final=True)
    junit = as_junit([], [], [], request, levels=found)
    ReportFile(cast("str | None", arguments.junit), "--junit").write(junit, final=True)
    text = f"({', '.join(level.name for level in found if level.verdict is not None)} of {arguments.vendored})"
    return _end(display, verdict, text, publish(verdict, text, clauses, request), report if arguments.json == "-" else "")


def _tell_merged(merged: Merged, arguments: argparse.Namespace, display: Display) -> int:
    display.note(_heading(merged.request, merged.python))
    verdict = overall(clause.verdict for clause in merged.clauses)
    for fault in merged.faults:
        display.note(f"UNKNOWN  {fault}")
    checks = len({answer.check.name for answer in merged.answers})
    text = f"({_clauses_text(merged.clauses)}, {count_text(checks, 'checks')}, {count_text(len(arguments.merge), 'reports')}"
    text += ", only the checks named)" if merged.only else ")"
    display.note(f"\nverdict: {verdict.value} {text}")
    tell_clauses(display, merged.clauses, merged.request, merged.options)
    report = as_json(verdict, merged.clauses, merged.request, merged.python, merged.platform, merged.options)
    ReportFile(cast("str | None", arguments.json)).write(report, final=True)
    junit = as_junit(merged.clauses, merged.answers, [], merged.request, merged.options, merged.faults)
    ReportFile(cast("str | None", arguments.junit), "--junit").write(junit, final=True)
    markdown = ReportFile(cast("str | None", arguments.markdown), "--markdown")
    markdown.write(summary(verdict, text, merged.clauses, merged.request, merged.options), final=True)
    lines = publish(verdict, text, merged.clauses, merged.request, merged.options)
    return _end(display, verdict, text, lines, report if arguments.json == "-" else "")


def _end(display: Display, verdict: Verdict, text: str, lines: Iterable[str], on_stdout: str) -> int:
    """Show the last lines, write what is wanted on stdout, and give the exit code."""
    for line in lines:
        display.note(line)
    display.last(verdict, text)
    if on_stdout:
        sys.stdout.write(on_stdout)
        sys.stdout.flush()
    return EXIT_CODES[verdict]


def _carry_out(run: _Run, arguments: argparse.Namespace, groups: Sequence[Group], interrupt: _Interrupt) -> int:
    started_s = time.monotonic()
    run.display.note(_heading(run.request, platform.python_version()))
    deadline_s = math.inf  # until the checks are known: without them no clause could be said to lack any

    def is_stopped() -> bool:
        run.spent = time.monotonic() >= deadline_s
        return bool(interrupt) or run.spent

    supervisor = Supervisor(run.request, cast(int, arguments.jobs), run, is_stopped)
    interrupt.emergency = supervisor.close
    try:
        if run.request.is_intake and (mistake := mistake_of(run.request, is_stopped)):
            raise UsageError(f"{mistake}; nothing was judged")
        plan, failures = supervisor.load(groups)
        if not interrupt:
            run.describe(supervisor.about, supervisor.inapplicable)
            run.select(plan, failures)
            if arguments.list:
                return _list(run)
            deadline_s = math.inf if run.budget_s is None else started_s + run.budget_s
            for wave in run.waves():
                if not is_stopped():
                    supervisor.run(wave)
        unfinished = supervisor.unfinished()
        run.run_short(unfinished)
    finally:
        supervisor.close()
    return _tell(run, interrupt.name, unfinished, time.monotonic() - started_s, to_stdout=arguments.json == "-")


def clause_ids(module: str = _REGISTRY) -> list[str]:
    """Give the ids of all clauses, in the order of the contract and then of the adapters."""
    return [str(clause.id) for clause in importlib.import_module(module).CLAUSES]


def chosen_groups(modules: Sequence[str], patterns: Sequence[str], every: Sequence[Group] = GROUPS) -> list[Group]:
    """Give the groups to load: those of the modules named, or all; only those that `--check` names, where that is plain."""
    groups = [Group(module.rpartition(".")[2], module) for module in modules] or list(every)
    prefixes = {pattern.partition(".")[0] for pattern in patterns}
    named = [group for group in groups if group.name in prefixes]
    return named if patterns and len(named) == len(prefixes) else groups


def _fault(checks: Sequence[Planned], known: frozenset[str]) -> str:
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
        if not any(_matches(check, pattern) for check in checks) and pattern.partition(".")[0] not in lost:
            raise UsageError(f"no check {pattern}{_closest(pattern, [check.name for check in checks])}; --list shows all")


def _matches(check: Planned, pattern: str) -> bool:
    return pattern == check.group.name or fnmatch.fnmatchcase(check.name, pattern)


def _closest(word: str, words: Sequence[str]) -> str:
    found = difflib.get_close_matches(word.upper(), [known.upper() for known in words], 1, 0.5)
    close = [known for known in words if known.upper() in found]
    return f" (did you mean {close[0]}?)" if close else ""


def _display(stream: TextIO) -> Display:
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return cast(Display, importlib.import_module("tidegate_gate.live").LiveDisplay(stream))
    return PlainDisplay(stream)


def _heading(request: Request, version: str) -> str:
    python = f"{platform.python_implementation()} {version}"
    return f"tidegate {__version__} verify: profile {request.profile}, seed {request.seed}, subject {request.subject}, {python}"


def _list(run: _Run) -> int:
    run.display.close()
    for check in run.plan:
        limit = f"limit {check.limit_in(run.request.profile):g} s"
        run.display.note(f"{check.name:<36} {check.tool:<12} {limit:<12} {', '.join(check.clauses)}")
    return EXIT_CODES[Verdict.UNKNOWN if run.failed else Verdict.OK]


def _tell(run: _Run, interrupt: str, unfinished: Sequence[str], seconds: float, *, to_stdout: bool) -> int:
    """Say the verdict on each clause and on the whole."""
    reports = run.judge()
    ended = {answer.check.name for answer in run.answers}
    missing = [check.name for check in run.plan if check.name not in ended]
    verdict = run.verdict(reports)
    text = _sum(run, reports, len(run.plan) - len(missing), seconds)
    run.display.note(f"\nverdict: {verdict.value} {text}")
    tell_clauses(run.display, reports, run.request, run.more, lambda answer: answer.check.name in ended or answer in run.failed)
    if not_judged := [id_ for id_ in run.ids if all(report.id != id_ for report in reports)]:
        run.display.note(f"not judged here, as shard {run.shard} has no check on them: {', '.join(not_judged)}")
    if interrupt:
        run.display.note(f"stopped by {interrupt}; not checked: {_not_checked(run, missing, unfinished)}")
    elif missing:
        run.display.note(f"{run.left_out()}: {_not_checked(run, missing, unfinished)}")
    elif run.plan:
        run.write_statement(reports)
    clauses = [*(level.as_clause() for level in run.levels), *reports]
    for level in run.all_levels(reports):
        _tell_level(run.display, level)
    standing = run.standing(reports)
    told = [] if standing is None else as_lines(standing)
    for line in told:
        run.display.note(line)
    run.write_markdown(summary(verdict, text, clauses, run.request, run.more, told))
    lines = publish(verdict, text, clauses, run.request, run.more, told)
    return _end(run.display, verdict, text, lines, run.json() if to_stdout else "")


def _not_checked(run: _Run, missing: Sequence[str], unfinished: Sequence[str]) -> str:
    if not run.plan:
        return "anything"
    names = [f"{name} (was running)" if name in unfinished else name for name in missing]
    return ", ".join(names) or "nothing is missing"


def _sum(run: _Run, reports: Sequence[ClauseReport], checks: int, seconds: float) -> str:
    parts = (", only the checks named" if run.patterns else "") + (f", only shard {run.shard}" if run.shard is not None else "")
    left_out = 0 if run.bought is None else len(run.bought.left_out)
    parts += f", {count_text(left_out, 'checks')} left out by the budget" if left_out else ""
    return f"({_clauses_text(reports)}, {count_text(checks, 'checks')}, {seconds_text(seconds)}{parts})"


def _clauses_text(reports: Sequence[ClauseReport]) -> str:
    bad = [
        f"{count} {verdict.value}"
        for verdict in (Verdict.ILLEGAL, Verdict.UNKNOWN)
        if (count := sum(report.counts is verdict for report in reports))
    ]
    expected = sum(report.label == "EXPECTED" for report in reports)
    bad += [f"{expected} ILLEGAL as expected"] if expected else []
    return count_text(len(reports), "clauses") + (f" of which {' and '.join(bad)}" if bad else "")
