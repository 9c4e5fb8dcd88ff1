"""`tidegate verify`: run every check, judge clause by clause, and say what the verdict rests on."""

import argparse
import io
import math
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tidegate import __version__
from tidegate_specs.conformance.adapter import Expected
from tidegate_specs.conformance.levels import Standing
from tidegate_specs.extras import UsageError
from tidegate_specs.registry import AROUND_IDS
from tidegate_specs.reports import ReportFile

from .display import PlainDisplay
from .interrupt import Interrupt
from .manifest import Installed
from .options import JUDGING, READING, STATING, chosen_groups, clause_ids, closest, refuse_beside, require_gate, verify_parser
from .plan import FOREIGN_GROUPS, GROUPS, About, Group, Request
from .report import ClauseReport, Level
from .run import Run
from .shards import merge
from .smoke import mistake_of
from .supervisor import Supervisor
from .telling import display_for, heading, list_checks, tell_level, tell_levels, tell_merged, tell_run
from .vendored import CONFORMANCE, folder_of, levels


def main(argv: Sequence[str] | None = None) -> int:
    """Run the gate; return the exit code that its help tells."""
    arguments = verify_parser().parse_args(argv)
    try:
        for option in ("json", "junit", "markdown", "statement"):
            ReportFile(cast("str | None", getattr(arguments, option)), f"--{option}")  # or say at once that it can't be written
        if arguments.files_only and arguments.vendored is None:
            raise UsageError("--files-only is for --vendored DIR")
        if arguments.statement is not None:
            refuse_beside("--statement", arguments, STATING, "is of a whole run on what is installed")
            Installed.find()  # or say at once why nothing could be stated
        if arguments.merge:
            return _merge(arguments)
        return _verify(arguments) if arguments.vendored is None else _vendored(arguments)
    except UsageError as error:
        print(f"tidegate verify: {error}", file=sys.stderr)
        return 2


def _verify(arguments: argparse.Namespace) -> int:
    ids, groups = _scope(arguments)
    display = display_for(sys.stderr if arguments.json == "-" else sys.stdout)
    try:
        with Interrupt() as interrupt:
            run = Run(arguments, display, ids)
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
    arguments = verify_parser().parse_args(options)
    arguments.expected, arguments.path = dict(expected or {}), path
    ids, groups = _scope(arguments)
    with Interrupt() as interrupt:
        run = Run(arguments, PlainDisplay(io.StringIO()), ids)
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
    require_gate()
    ids = clause_ids(cast(str, arguments.clauses_from))
    for id_ in cast("list[str]", arguments.clause):
        if id_ not in ids:
            raise UsageError(f"no clause {id_}{closest(id_, ids)}; the clauses are {', '.join(ids)}")
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
    refuse_beside("--merge", arguments, {"merge", "json", "junit", "markdown"}, "runs nothing")
    merged = merge(cast("list[str]", arguments.merge))
    display = display_for(sys.stderr if arguments.json == "-" else sys.stdout)
    try:
        return tell_merged(merged, arguments, display)
    finally:
        display.close()


def _vendored(arguments: argparse.Namespace) -> int:
    """Judge a copy level by level; the last level is a run of the gate on it."""
    if arguments.files_only:
        refuse_beside("--files-only", arguments, READING, "reads files and runs nothing")
    else:
        refuse_beside("--vendored", arguments, READING | JUDGING, "judges one copy as a whole")
        require_gate()
    folder = folder_of(cast(str, arguments.vendored))
    stream = sys.stderr if arguments.json == "-" else sys.stdout
    display = PlainDisplay(stream)
    display.note(f"tidegate {__version__} verify: the copy {folder}")
    found: list[Level] = []
    for level in levels(folder, files_only=cast(bool, arguments.files_only)):
        found.append(level)
        tell_level(display, level)
    if arguments.files_only or found[-1].name == CONFORMANCE:
        return tell_levels(arguments, display, found)
    arguments.levels = found
    arguments.subject = str(folder) if os.sep in str(folder) else f"{os.curdir}{os.sep}{folder}"
    return _verify(arguments)


def _carry_out(run: Run, arguments: argparse.Namespace, groups: Sequence[Group], interrupt: Interrupt) -> int:
    started_s = time.monotonic()
    run.display.note(heading(run.request, platform.python_version()))
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
                return list_checks(run)
            deadline_s = math.inf if run.budget_s is None else started_s + run.budget_s
            for wave in run.waves():
                if not is_stopped():
                    supervisor.run(wave)
        unfinished = supervisor.unfinished()
        run.run_short(unfinished)
    finally:
        supervisor.close()
    return tell_run(run, interrupt.name, unfinished, time.monotonic() - started_s, to_stdout=arguments.json == "-")
