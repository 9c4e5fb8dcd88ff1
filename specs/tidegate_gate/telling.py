"""The last lines of a run, for a reader."""

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO, cast

from tidegate import __version__
from tidegate_specs.check import EXIT_CODES, Profile, Verdict, overall
from tidegate_specs.reports import ReportFile

from .display import Display, PlainDisplay, indented, tell_clauses
from .github import publish, summary
from .junit import as_junit
from .plan import Request
from .report import ClauseReport, Level, as_json, count_text, seconds_text
from .run import Run, clauses_text
from .shards import Merged
from .standing import as_lines


def tell_level(display: Display, level: Level) -> None:
    display.note(f"{'not run' if level.verdict is None else level.verdict.value:<8} {level.name:<13} {level.evidence}")
    if level.witness:
        display.note(indented(level.witness))


def tell_levels(arguments: argparse.Namespace, display: Display, found: Sequence[Level]) -> int:
    """Say the verdict on a copy of which no gate was run."""
    request = Request(str(arguments.vendored), cast(Profile, arguments.profile), cast(int, arguments.seed))
    clauses = [level.as_clause() for level in found]
    verdict = overall(clause.verdict for clause in clauses)
    report = as_json(verdict, [], request, platform.python_version(), platform.platform(), levels=found)
    ReportFile(cast("str | None", arguments.json)).write(report, final=True)
    junit = as_junit([], [], [], request, levels=found)
    ReportFile(cast("str | None", arguments.junit), "--junit").write(junit, final=True)
    text = f"({', '.join(level.name for level in found if level.verdict is not None)} of {arguments.vendored})"
    return end_line(display, verdict, text, publish(verdict, text, clauses, request), report if arguments.json == "-" else "")


def tell_merged(merged: Merged, arguments: argparse.Namespace, display: Display) -> int:
    display.note(heading(merged.request, merged.python))
    verdict = overall(clause.verdict for clause in merged.clauses)
    for fault in merged.faults:
        display.note(f"UNKNOWN  {fault}")
    checks = len({answer.check.name for answer in merged.answers})
    text = f"({clauses_text(merged.clauses)}, {count_text(checks, 'checks')}, {count_text(len(arguments.merge), 'reports')}"
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
    return end_line(display, verdict, text, lines, report if arguments.json == "-" else "")


def end_line(display: Display, verdict: Verdict, text: str, lines: Iterable[str], on_stdout: str) -> int:
    """Show the last lines, write what is wanted on stdout, and give the exit code."""
    for line in lines:
        display.note(line)
    display.last(verdict, text)
    if on_stdout:
        sys.stdout.write(on_stdout)
        sys.stdout.flush()
    return EXIT_CODES[verdict]


def display_for(stream: TextIO) -> Display:
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return cast(Display, importlib.import_module("tidegate_gate.live").LiveDisplay(stream))
    return PlainDisplay(stream)


def heading(request: Request, version: str) -> str:
    python = f"{platform.python_implementation()} {version}"
    return f"tidegate {__version__} verify: profile {request.profile}, seed {request.seed}, subject {request.subject}, {python}"


def list_checks(run: Run) -> int:
    run.display.close()
    for check in run.plan:
        limit = f"limit {check.limit_in(run.request.profile):g} s"
        run.display.note(f"{check.name:<36} {check.tool:<12} {limit:<12} {', '.join(check.clauses)}")
    return EXIT_CODES[Verdict.UNKNOWN if run.failed else Verdict.OK]


def tell_run(run: Run, interrupt: str, unfinished: Sequence[str], seconds: float, *, to_stdout: bool) -> int:
    """Say the verdict on each clause and on the whole."""
    reports = run.judge()
    ended = {answer.check.name for answer in run.answers}
    missing = [check.name for check in run.plan if check.name not in ended]
    verdict = run.verdict(reports)
    text = totals(run, reports, len(run.plan) - len(missing), seconds)
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
        tell_level(run.display, level)
    standing = run.standing(reports)
    told = [] if standing is None else as_lines(standing)
    for line in told:
        run.display.note(line)
    run.write_markdown(summary(verdict, text, clauses, run.request, run.more, told))
    lines = publish(verdict, text, clauses, run.request, run.more, told)
    return end_line(run.display, verdict, text, lines, run.json() if to_stdout else "")


def _not_checked(run: Run, missing: Sequence[str], unfinished: Sequence[str]) -> str:
    if not run.plan:
        return "anything"
    names = [f"{name} (was running)" if name in unfinished else name for name in missing]
    return ", ".join(names) or "nothing is missing"


def totals(run: Run, reports: Sequence[ClauseReport], checks: int, seconds: float) -> str:
    parts = (", only the checks named" if run.patterns else "") + (f", only shard {run.shard}" if run.shard is not None else "")
    left_out = 0 if run.bought is None else len(run.bought.left_out)
    parts += f", {count_text(left_out, 'checks')} left out by the budget" if left_out else ""
    return f"({clauses_text(reports)}, {count_text(checks, 'checks')}, {seconds_text(seconds)}{parts})"
