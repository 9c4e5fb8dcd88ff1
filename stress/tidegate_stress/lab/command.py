"""`tidegate stress`: put queues under overload with real threads, judge the kernel by `bounds.json`, and report."""

import argparse
import fnmatch
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Final, cast

from tidegate_specs.check import EXIT_CODES
from tidegate_specs.extras import UsageError, require
from tidegate_specs.options import at_least, seconds_within
from tidegate_specs.reports import ReportFile

from ..size.own import stress_own
from .bounds import BOUNDS
from .case import OURS, Case, LabProfile, LabReport, from_json, to_json
from .cases import BASIS, COLLAPSE_S, NAMES, PAIRED, case_named, expected_seconds, paired, plan
from .laboratory import Laboratory, noise
from .page import page
from .show import watcher_for
from .subjects import SUBJECTS, maker_of
from .text import markdown, render, verdict_of

EPILOG: Final = """\
examples:
  tidegate stress                                   every level and shape of load, in about 3 minutes
  tidegate stress --profile full --html page.html   longer, with all peers, the curve, the collapse; about 20 minutes
  tidegate stress --profile soak                    half an hour of eight producers that spin on rejections
  tidegate stress --collapse                        an unbounded queue into collapse, link by link, and the kernel beside it
  tidegate stress --break                           show that each bound can fail: planted faults and peers
  tidegate stress --case 10x --subject janus        one case, on another queue
  tidegate stress --from report.json --html p.html  lay out a report that was saved with --json
  tidegate stress --app package.module:app          your own ASGI or WSGI application at 1x, 2x, 10x, with a wall and without
  tidegate stress --callable jobs.py:work           the same with a function or a coroutine function

exit codes:
  0  OK: every bound holds
  1  ILLEGAL: a bound does not hold, seen in each of three runs if it is a matter of time
  2  bad usage, or something that the laboratory needs is not installed
  3  UNKNOWN: the machine was too noisy, a run broke off, or it was interrupted
"""


SECONDS: Final = seconds_within(0.5, 7200)


def _add_own(parser: argparse.ArgumentParser) -> None:
    """Add the options for a service of one's own."""
    own = parser.add_mutually_exclusive_group()
    own.add_argument("--app", metavar="NAME", help="stress this instead: package.module:name or file.py:name of an application")
    own.add_argument("--callable", metavar="NAME", help="or a function, or a coroutine function, without arguments")
    parser.add_argument("--path", metavar="PATH", help="with --app: what is requested (default: /)")
    parser.add_argument(
        "--deadline",
        type=seconds_within(0.001, 3600),
        default=1.0,
        metavar="S",
        help="with --app, --callable: callers give up after so long (default: 1)",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate stress",
        description="Put the intake, and its peers, under more load than their workers can finish, and judge what happens.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=("quick", "full", "soak"), default="quick", help="how long (default: quick)")
    parser.add_argument(
        "--case", action="append", default=[], metavar="NAME", help="only this case; repeatable; * matches any text"
    )
    parser.add_argument(
        "--subject", metavar="NAME", help=f"judge this one instead: {', '.join(SUBJECTS)}, mutant:NAME, yield:N, a module"
    )
    parser.add_argument(
        "--seconds",
        type=SECONDS,
        metavar="S",
        help="seconds of load in each case, 0.5 to 7200, instead of the profile's",
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="seed of arrivals (default: 0)")
    parser.add_argument("--collapse", action="store_true", help="only the collapse, link by link: about a minute")
    parser.add_argument(
        "--curve",
        action="store_true",
        help="only what it brings and costs that a rejection gives up the processor: about two minutes",
    )
    parser.add_argument(
        "--break",
        dest="breaking",
        action="store_true",
        help="only show that each bound can fail, with planted faults and other queues: about two minutes",
    )
    _add_own(parser)
    parser.add_argument("--detailed", action="store_true", help="print all percentiles")
    parser.add_argument("--list", action="store_true", help="list the cases, and run none")
    parser.add_argument("--from", dest="source", metavar="FILE", help="read a report written by --json instead of running anything")
    parser.add_argument(
        "--json", metavar="FILE", help="write the report as JSON, kept up to date while it runs; - is stdout, alone"
    )
    parser.add_argument("--markdown", metavar="FILE", help="write the report as Markdown")
    parser.add_argument("--html", metavar="FILE", help="write the report as one page with plots")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `tidegate stress` with these arguments, and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(words)
    try:
        if arguments.app is not None or arguments.callable is not None:
            return _stress_own(arguments, words)
        return _stress(arguments)
    except UsageError as error:
        print(f"tidegate stress: {error}", file=sys.stderr)
        return 2


def _stress_own(arguments: argparse.Namespace, words: list[str]) -> int:
    """Put somebody's own service under overload."""
    given = ("case", "subject", "collapse", "curve", "breaking", "list", "source")
    for name in given:
        if getattr(arguments, name):
            raise UsageError(f"--{ {'breaking': 'break', 'source': 'from'}.get(name, name) } is not for a service of your own")
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return stress_own(arguments, words)
    finally:
        signal.signal(signal.SIGTERM, former)


def _stress(arguments: argparse.Namespace) -> int:
    require("tidegate stress", "lab")
    require("tidegate stress", "gate")
    if arguments.list:
        for cases in plan(arguments.profile):
            print(f"{cases[0].name:<18} {cases[0].subject:<28} {cases[0].seconds:g} s")
        return 0
    files = _Files(arguments)
    if arguments.source is not None:
        report = _saved(arguments.source)
    else:
        chosen = _chosen(arguments)
        report, whole = _run(arguments, chosen, files)
        if not whole:
            files.write(report, final=True)
            print("tidegate stress: interrupted; what was seen until then was reported", file=sys.stderr)
            return 3
    if arguments.json == "-":
        sys.stdout.write(to_json(report))
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(render(report, detailed=arguments.detailed, colour=colour))
    files.write(report, final=True)
    if not report.findings and not report.broken:
        return 0  # a comparison or a curve was asked for, and nothing judged
    return EXIT_CODES[verdict_of(report)]


class _Files:
    """Write the report wherever it was asked for."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        layouts: dict[str, Callable[[LabReport], str]] = {"json": to_json, "markdown": markdown, "html": page}
        self._targets = [
            (ReportFile(target, f"--{name}"), name, layout)
            for name, layout in layouts.items()
            if (target := cast("str | None", getattr(arguments, name))) is not None
        ]

    def write(self, report: LabReport, final: bool = False) -> None:
        for file, name, layout in self._targets:
            if final or name == "json":
                file.write(layout(report), final)


def _saved(source: str) -> LabReport:
    try:
        return from_json(Path(source).read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"--from: cannot read {source}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--from: {source} is no report of this version: {error}") from None


def _chosen(arguments: argparse.Namespace) -> list[list[Case]]:
    """Choose the cases; what one is compared with comes along."""
    profile, seed = cast(LabProfile, arguments.profile), cast(int, arguments.seed)
    subject, patterns = cast("str | None", arguments.subject), cast("list[str]", arguments.case)
    if subject is not None:
        _refuse_unknown(subject)
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in NAMES):
            raise UsageError(f"no case {pattern}; the cases are {', '.join(NAMES)}")
    if arguments.collapse or arguments.curve or arguments.breaking:
        return []
    cases = plan(profile, seed)
    if subject is not None:
        cases = [[replace(case, subject=subject) for case in each[:1]] + each[1:] for each in cases if each[0].subject == OURS]
    if patterns:
        names = [name for name in NAMES if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
        names = [name for name in NAMES if name in names or name in {BASIS.get(chosen) for chosen in names}]
        known = {each[0].name: each for each in cases if each[0].subject == (subject or OURS)}
        cases = [known.get(name) or _one(name, subject or OURS, seed) for name in names]
    if arguments.seconds is not None:
        cases = [[replace(case, seconds=arguments.seconds) for case in each] for each in cases]
    return cases


def _one(name: str, subject: str, seed: int) -> list[Case]:
    seconds = COLLAPSE_S if name == "collapse" else 6.0
    return paired(name, subject, seconds, seed) if name.startswith(PAIRED) else [case_named(name, subject, seconds, seed)]


def _refuse_unknown(subject: str) -> None:
    try:
        maker_of(subject)
    except Exception as error:  # noqa: BLE001 - whatever stops the import is the answer
        raise UsageError(
            f"no subject {subject} ({error}); there are {', '.join(SUBJECTS)}, mutant:NAME, yield:N, or a module"
        ) from None


def _run(arguments: argparse.Namespace, chosen: Sequence[Sequence[Case]], files: _Files) -> tuple[LabReport, bool]:
    """Run what was chosen. Gives the report, and whether it came to its end."""
    watcher = watcher_for(sys.stderr if arguments.json == "-" else sys.stdout)
    laboratory = Laboratory(arguments.profile, arguments.seed, watcher, files.write)
    everything = arguments.profile == "full" and not arguments.case and arguments.subject is None
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        watcher.note("measuring the noise of this machine")
        laboratory.noise = noise()
        if chosen and not arguments.case and arguments.seconds is None:
            watcher.note(f"{len(chosen)} cases, about {expected_seconds(arguments.profile) / 60:.0f} minutes")
        laboratory.run(chosen, [arguments.subject or OURS])
        if arguments.curve or everything:
            laboratory.measure_curve()
        if arguments.breaking or everything:
            laboratory.break_bounds(BOUNDS)
        if arguments.collapse or everything:
            laboratory.follow_collapse(arguments.seconds or COLLAPSE_S)
    except KeyboardInterrupt:
        return laboratory.report(), False
    finally:
        watcher.close()
        signal.signal(signal.SIGTERM, former)
    return laboratory.report(), True


def _interrupt(_number: int, _frame: FrameType | None) -> Any:
    raise KeyboardInterrupt
