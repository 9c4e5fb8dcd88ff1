"""`tidegate web`: put real web servers under overload, with and without the admission middleware, judge and report."""

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Final, Literal, cast

from tidegate_specs.check import EXIT_CODES
from tidegate_specs.extras import UsageError, require
from tidegate_specs.options import at_least
from tidegate_specs.reports import ReportFile, plain_text

from .case import SERVERS, ServerName, WebCase, WebInterval, WebReport, to_json
from .judge import verdict_of
from .report import markdown, page, render
from .run import Laboratory, plan
from .servers import version_of

HEARTBEAT_S: Final = 5.0
QUICK: Final[tuple[ServerName, ...]] = ("uvicorn", "waitress")
TOOLS: Final[tuple[Literal["wrk", "hey"], ...]] = ("wrk", "hey")
CLOSED_S: Final = 3.0
EPILOG: Final = """\
examples:
  tidegate web                                    uvicorn and waitress at 2x and 10x of their capacity, in about 35 s
  tidegate web --profile full --html page.html    gunicorn too, slow clients, a pool that hangs, wrk, hey; about 9 minutes
  tidegate web --server uvicorn                   one server
  tidegate web --generator hey                    what hey sees of the same servers; nothing is judged

exit codes:
  0  OK: every bound holds with the middleware, and is broken without it
  1  ILLEGAL: a bound does not hold with the middleware, seen in each of three runs if it is a matter of time
  2  bad usage, or something that is needed is not installed
  3  UNKNOWN: the machine was too noisy, a run broke off, or it was interrupted
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate web",
        description="Put real web servers under more load than they can serve, with and without the admission middleware.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=("quick", "full"), default="quick", help="how much (default: quick)")
    parser.add_argument(
        "--server",
        action="append",
        choices=SERVERS,
        default=[],
        metavar="NAME",
        help=f"only this one; repeatable: {', '.join(SERVERS)}",
    )
    parser.add_argument(
        "--generator",
        choices=("own", *TOOLS),
        default="own",
        help="what makes the load: our own, by schedule (default), or a closed-loop one that has to be on PATH",
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="seed of arrivals (default: 0)")
    parser.add_argument(
        "--json", metavar="FILE", help="write the report as JSON, kept up to date while it runs; - is stdout, alone"
    )
    parser.add_argument("--markdown", metavar="FILE", help="write the report as Markdown")
    parser.add_argument("--html", metavar="FILE", help="write the report as one page with plots")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `tidegate web` with these arguments, and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return _web(arguments)
    except UsageError as error:
        print(f"tidegate web: {error}", file=sys.stderr)
        return 2


def _web(arguments: argparse.Namespace) -> int:
    require("tidegate web", "lab")
    servers = tuple(dict.fromkeys(cast("list[ServerName]", arguments.server))) or (
        QUICK if arguments.profile == "quick" else SERVERS
    )
    for server in servers:
        version_of(server)
    if arguments.generator != "own" and shutil.which(arguments.generator) is None:
        raise UsageError(f"--generator {arguments.generator}: it is not on PATH")
    layouts: dict[str, Callable[[WebReport], str]] = {"json": to_json, "markdown": markdown, "html": page}
    files = [(ReportFile(getattr(arguments, name), f"--{name}"), name, layout) for name, layout in layouts.items()]

    def write(report: WebReport, final: bool = False) -> None:
        for file, name, layout in files:
            if getattr(arguments, name) is not None and (final or name == "json"):
                file.write(layout(report), final)

    watcher = _Watcher(sys.stderr if arguments.json == "-" else sys.stdout)
    laboratory = Laboratory(arguments.profile, arguments.seed, servers, watcher.note, write, watcher.interval)
    whole = _run(laboratory, arguments)
    report = laboratory.report()
    sys.stdout.write(to_json(report) if arguments.json == "-" else render(report))
    write(report, final=True)
    if not whole:
        print("tidegate web: interrupted; what was seen until then was reported", file=sys.stderr)
        return 3
    return EXIT_CODES[verdict_of(report)] if report.results else 0


def _run(laboratory: Laboratory, arguments: argparse.Namespace) -> bool:
    """Run what was asked for. Tells whether it came to its end."""
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        laboratory.note("measuring the noise of this machine")
        laboratory.measure_noise()
        if arguments.generator != "own":
            laboratory.ask_others([arguments.generator], CLOSED_S)
            return True
        cases = plan(arguments.profile, laboratory.servers, arguments.seed)
        laboratory.note(f"{len(cases)} runs, about {sum(case.seconds + case.after_s + 1 for case in cases):.0f} s")
        laboratory.run(cases)
        if arguments.profile == "full":
            laboratory.ask_others([tool for tool in TOOLS if shutil.which(tool)], CLOSED_S)
    except KeyboardInterrupt:
        return False
    finally:
        signal.signal(signal.SIGTERM, former)
    return True


def _interrupt(_number: int, _frame: FrameType | None) -> Any:
    raise KeyboardInterrupt


class _Watcher:
    """Write a line when something begins or ends, and one every few seconds in between."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._written_s = time.monotonic()

    def note(self, text: str) -> None:
        """Write a line."""
        self._stream.write(plain_text(text) + "\n")
        self._stream.flush()
        self._written_s = time.monotonic()

    def interval(self, case: WebCase, interval: WebInterval) -> None:
        """Tell of an interval, if nothing was told for a while."""
        if time.monotonic() - self._written_s >= HEARTBEAT_S:
            self.note(
                f"  {interval.t_s:.0f} s {case.server}, {case.name}, {case.arm}: offered {interval.offered_per_s:.0f}/s, in time "
                f"{interval.good_per_s:.0f}/s, 503 {interval.rejected_per_s:.0f}/s, {interval.waiting} waiting"
            )
