"""`tidegate freshness`: too many slots, or a service that has become slower, with patience and without."""

import argparse
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from tidegate import __version__
from tidegate_specs.check import EXIT_CODES
from tidegate_specs.extras import UsageError, require
from tidegate_specs.options import seconds_within
from tidegate_specs.reports import ReportFile

from .case import DRIFTS, FRESH, PLAIN, ROWS, SWEEP, Case, Report, Result, from_json, to_json
from .doors import DOORS
from .drive import Drive
from .judge import judge, measure, verdict_of
from .plots import against_service
from .report import render

EPILOG: Final = """\
examples:
  tidegate freshness                               every row, with patience and without, in about a minute
  tidegate freshness --profile full --json r.json  all peers, and each service time for the picture; about four minutes
  tidegate freshness --from r.json --svg r.svg     draw the picture of a report that was saved with --json

exit codes:
  0  OK: with patience every row reaches its bound
  1  ILLEGAL: a row does not, seen in each of three runs
  2  bad usage, or something that is needed is not installed
  3  UNKNOWN: the machine was too noisy, or it was interrupted
"""


SECONDS: Final = seconds_within(0.5, 600)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate freshness",
        description="Give two workers more than they can finish, for callers who give up after 100 ms, and count what is in time.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=("quick", "full"), default="quick", help="how much (default: quick)")
    parser.add_argument("--seconds", type=SECONDS, default=3.0, metavar="S", help="of load in each run, 0.5 to 600 (default: 3)")
    parser.add_argument("--from", dest="source", metavar="FILE", help="read a report written by --json instead of running anything")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON; - is stdout, alone")
    parser.add_argument("--svg", metavar="FILE", help="draw goodput against service time; needs profile full")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `tidegate freshness` with these arguments, and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return _freshness(arguments)
    except UsageError as error:
        print(f"tidegate freshness: {error}", file=sys.stderr)
        return 2


def _freshness(arguments: argparse.Namespace) -> int:
    layouts: dict[str, Callable[[Report], str]] = {"json": to_json, "svg": lambda report: against_service(report, standalone=True)}
    if arguments.svg is not None:
        require("tidegate freshness", "lab")
    files = [
        (ReportFile(getattr(arguments, name), f"--{name}"), layout) for name, layout in layouts.items() if getattr(arguments, name)
    ]
    report, whole = (_saved(arguments.source), True) if arguments.source else _measured(arguments)
    sys.stdout.write(to_json(report) if arguments.json == "-" else render(report))
    for file, layout in files:
        file.write(layout(report), final=True)
    if not whole:
        print("tidegate freshness: interrupted; what was seen until then was reported", file=sys.stderr)
        return 3
    return EXIT_CODES[verdict_of(report)]


def _saved(source: str) -> Report:
    try:
        return from_json(Path(source).read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"--from: cannot read {source}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--from: {source} is no report of this version: {error}") from None


def drive(case: Case, subject: str) -> Result:
    """Run one case with threads and real clocks."""
    return Drive(case, subject).run()


def _best(results: Sequence[Result]) -> float:
    return max(result.share for result in results if result.subject == PLAIN)


def _measured(arguments: argparse.Namespace) -> tuple[Report, bool]:
    """Run what was asked for. Gives the report, and whether it came to its end."""
    stream: Any = sys.stderr if arguments.json == "-" else sys.stdout
    seconds, full = cast(float, arguments.seconds), arguments.profile == "full"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(__version__, platform.python_version(), now, seconds)
    try:
        for case in (replace(each, seconds=seconds) for each in (*ROWS, *DRIFTS)):
            finding, results = judge(case, drive)
            others = [name for name in DOORS if name != FRESH and (full or name == PLAIN)]
            peers = [result for name in others for result in measure(case, drive, name)]
            report = replace(report, results=(*report.results, *results, *peers), findings=(*report.findings, finding))
            stream.write(f"{finding.verdict.value:<8} {case.name}: {finding.best:.1%} with {FRESH}, {_best(peers):.1%} without\n")
            stream.flush()
        for case in (replace(each, seconds=seconds) for each in SWEEP if full):
            report = replace(report, sweep=(*report.sweep, *measure(case, drive, FRESH), *measure(case, drive, PLAIN)))
    except KeyboardInterrupt:
        return report, False
    return report, True
