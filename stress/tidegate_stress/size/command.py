"""`tidegate size`: workers, capacity, patience and floor for a service, from a probe of it or from its access log."""

import argparse
import platform
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType
from typing import Any, Final, cast

from tidegate import __version__
from tidegate_specs import progress
from tidegate_specs.check import EXIT_CODES
from tidegate_specs.extras import UsageError, require
from tidegate_specs.options import at_least, seconds_within
from tidegate_specs.reports import ReportFile

from .case import SizeReport, times_of, to_json
from .curve import curve, service_of
from .drive import Drive
from .knee import CannotTell, Knee, find_knee
from .log import UNITS_S, Log, opened, read_log
from .probe import FAILED_SHARE, Probe
from .report import page, render
from .suggest import suggest
from .target import load

EPILOG: Final = """\
examples:
  tidegate size --app package.module:app            an ASGI or WSGI application, called in this process
  tidegate size --app app.py:app --path /orders/1   the same from a file, with another request than GET /
  tidegate size --callable jobs.py:work             a function, or a coroutine function, without arguments
  tidegate size --log access.log                    an access log with request times; .gz, and - for stdin
  tidegate size --log access.log --unit ms --path /orders --processes 4 --deadline 2

A log has to have the time that each request took: $request_time in nginx, %(L)s in gunicorn, a field like
duration_ms in JSON lines.

exit codes:
  0  there is a suggestion
  2  bad usage, or something that is needed is not installed
  3  can't tell: too little was seen, or no limit, or the machine was too busy; or it was interrupted
"""
SLOT_S: Final = 1.0  # into which a log is cut
LEAST_REQUESTS: Final = 200
SECONDS: Final = seconds_within(1, 7200)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate size",
        description="Find how many a service works on at once, and suggest workers, capacity, patience and floor.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--app", metavar="NAME", help="probe an ASGI or WSGI application: package.module:name or file.py:name")
    source.add_argument("--callable", metavar="NAME", help="probe a function or a coroutine function")
    source.add_argument("--log", metavar="FILE", help="read an access log instead; - is stdin")
    parser.add_argument("--path", metavar="PATH", help="what is requested (default: /); of a log, only requests that begin so")
    parser.add_argument(
        "--deadline", type=seconds_within(0.001, 3600), default=1.0, metavar="S", help="callers give up after so long (default: 1)"
    )
    parser.add_argument(
        "--seconds", type=SECONDS, default=30.0, metavar="S", help="of probing, about so many at most (default: 30)"
    )
    parser.add_argument(
        "--processes", type=at_least(1), default=1, metavar="N", help="that the log is of; suggest for each (default: 1)"
    )
    parser.add_argument("--unit", choices=tuple(UNITS_S), help="of request times in a log that are whole numbers without a unit")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON; - is stdout, alone")
    parser.add_argument("--html", metavar="FILE", help="write the report as one page with plots")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `tidegate size` with these arguments, and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(words)
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _size(arguments, shlex.join(["tidegate", "size", *words]))
    except UsageError as error:
        print(f"tidegate size: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ntidegate size: interrupted; nothing is suggested", file=sys.stderr)
        return 3
    finally:
        signal.signal(signal.SIGTERM, former)


def _interrupt(_number: int, _frame: FrameType | None) -> Any:
    raise KeyboardInterrupt


def _size(arguments: argparse.Namespace, command: str) -> int:
    if arguments.html is not None:
        require("tidegate size --html", "lab")
    layouts: dict[str, Callable[[SizeReport], str]] = {"json": to_json, "html": page}
    files = [(ReportFile(getattr(arguments, name), f"--{name}"), layout) for name, layout in layouts.items()]
    tell = progress.OnStderr()
    progress.listen(tell)
    report = (_of_log if arguments.log else _of_probe)(arguments, command)
    tell.clear()
    sys.stdout.write(to_json(report) if arguments.json == "-" else render(report))
    for (file, layout), name in zip(files, layouts, strict=True):
        if getattr(arguments, name) is not None:
            file.write(layout(report), final=True)
    return EXIT_CODES[report.verdict]


def _of_probe(arguments: argparse.Namespace, command: str) -> SizeReport:
    path = cast("str | None", arguments.path) or "/"
    if not path.startswith("/"):
        raise UsageError(f"--path: {path} does not begin with /")
    target = load(arguments.app or arguments.callable, application=arguments.app is not None, path=path)
    report = _blank("probe", target.title, command)
    with Drive(target) as drive:
        probe = Probe(drive, arguments.seconds, "; --seconds gives it more time")
        try:
            probed = probe.measure()
        except CannotTell as reason:
            return replace(report, why_not=str(reason), told=f"{probe.calls:,} calls", stolen_share=probe.stolen)
    told = f"{probed.calls:,} calls in {probed.seconds:.0f} s" + (f", {probed.failed:,} failed" if probed.failed else "")
    return suggested(replace(report, told=told, stolen_share=probed.stolen), probed.knee, arguments)


def _of_log(arguments: argparse.Namespace, command: str) -> SizeReport:
    name = str(arguments.log)
    report = _blank("log", name, command)
    try:
        with opened(name) as lines:
            log = read_log(name, lines, arguments.path or "", arguments.unit or "")
    except CannotTell as reason:
        return replace(report, why_not=str(reason))
    report = replace(report, told=log.told(), times=times_of(log.times_s, quiet=False))
    try:
        demand_enough(log)
        knee = find_knee(log.calls, SLOT_S)
    except CannotTell as reason:
        return replace(report, why_not=str(reason))
    return suggested(report, knee, arguments)


def demand_enough(log: Log) -> None:
    """Raise CannotTell for a log from which nothing can be told, saying what it lacks."""
    served = log.untimed + len(log.times_s)
    if not log.requests:
        raise CannotTell(f"none of {log.lines:,} lines is a request {'of this path' if log.elsewhere else 'in a known format'}")
    if not log.times_s and served:
        raise CannotTell(
            f"{served:,} requests and no request times: add $request_time (nginx), %(L)s (gunicorn) or a duration in JSON lines"
        )
    if log.failed > FAILED_SHARE * log.requests:
        raise CannotTell(f"{log.failed:,} of {log.requests:,} requests failed: what they took is not what the service takes")
    if len(log.times_s) < LEAST_REQUESTS:
        raise CannotTell(f"{len(log.times_s):,} requests with request times are too few; {LEAST_REQUESTS} are the least")
    if log.calls.count < LEAST_REQUESTS:
        raise CannotTell(f"only {log.calls.count:,} lines tell when: there is no telling how many were inside at once")


def _blank(source: Any, title: str, command: str) -> SizeReport:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return SizeReport(__version__, platform.python_version(), now, source, title, command)


def suggested(report: SizeReport, knee: Knee, arguments: argparse.Namespace) -> SizeReport:
    """Add the suggestion and its curve to a report."""
    report = replace(report, times=times_of(knee.times_s, quiet=True), levels=knee.levels)
    try:
        suggestion = suggest(knee, arguments.deadline, arguments.processes)
    except CannotTell as reason:
        return replace(report, why_not=str(reason))
    points = curve(knee, suggestion, progress.progress)
    return replace(report, suggestion=suggestion, service=service_of(knee), curve=points)
