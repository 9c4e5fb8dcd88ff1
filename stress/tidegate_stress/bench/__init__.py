"""Measure the intake against its bars and its peers, as ratios within one run (`tidegate bench`).

All subjects take turns in many short rounds, and each one's best time is compared with `queue.Queue`'s best: others on the machine
can only make a round longer. How far the best of every second round is from the best of the rest is the noise, and a figure
that is nearer to its bar than the noise is UNKNOWN, not met.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Final

from tidegate_specs.check import Subject, load_subject
from tidegate_specs.extras import UsageError
from tidegate_specs.options import at_least
from tidegate_specs.reports import ReportFile

from .peers import BASELINE, OURS, PEERS, Maker, tidegate_calls
from .rows import BenchReport, Row, Status
from .sharing import measure_goodput, measure_memory
from .timing import Progress, measure_flatness, measure_operations

SIZES: Final = (1, 64, 4096, 200_000)


def run_bench(
    rounds: int = 300,
    subjects: Sequence[str] = tuple(PEERS),
    *,
    quick: bool = False,
    subject: Subject | None = None,
    quiet: bool = False,
) -> BenchReport:
    """Measure everything in one run. `queue.Queue` is always among the subjects; a peer that isn't installed is a missing row.

    quiet: say nothing on stderr. Times that do not meet their bars are taken once more.
    """
    start = time.monotonic()
    ours = subject if subject is not None else load_subject()
    makers: dict[str, Maker] = {OURS: partial(tidegate_calls, ours)}
    missing: list[Row] = []
    for name in PEERS:
        if name == BASELINE or name in subjects:
            try:
                makers[name] = PEERS[name]()
            except ImportError as error:
                missing.append(Row("operations", "all", name, None, "", "missing", note=f"not installed: {error}"))
    progress = Progress(("operations", "flatness", "memory", "goodput"), quiet)
    operations, noise = measure_operations(makers, rounds, progress)
    if _missed(operations):
        operations, noise = measure_operations(makers, rounds, progress)
    flatness = measure_flatness(ours, rounds, SIZES, progress)
    if _missed(flatness):
        flatness = measure_flatness(ours, rounds, SIZES, progress)
    progress.tell("memory", 0)
    memory = measure_memory(ours)
    goodput = measure_goodput(makers, 3 if quick else 5, 0.4 if quick else 1.0, progress)
    if _missed(goodput):
        goodput = measure_goodput(makers, 5, 1.0, progress)
    progress.end()
    rows = (*operations, *missing, *flatness, *memory, *goodput)
    return BenchReport(rows, noise, time.monotonic() - start, rounds)


def _missed(rows: Sequence[Row]) -> bool:
    return any(row.status in ("NOT MET", "UNKNOWN") for row in rows)


def render(report: BenchReport, colour: bool = False) -> str:
    """Lay the report out as a table for a terminal, a log or a pipe."""
    lines = [
        f"tidegate bench: {report.python}, {report.platform}",
        f"ratios to {BASELINE} in the same run; best of {report.rounds} rounds in turn; noise {report.noise:.1%}",
    ]
    section = ""
    for row in report.rows:
        if row.section != section:
            section = row.section
            lines += ["", f"{section:<41} {'subject':<12} {'time':>9} {'figure':>12}  {'bar':<9} verdict"]
        sign = "<=" if row.bar_is == "at most" else ">="
        bar = "" if row.bar is None else f"{sign} {row.bar:g}"
        time_ns = "" if row.time_ns is None else f"{row.time_ns:,.0f} ns"
        cells = f"  {row.measure:<39} {row.subject:<12} {time_ns:>9} {_figure(row):>12}  {bar:<9} {_painted(row.status, colour)}"
        lines.append(cells.rstrip())
        if row.note:
            lines.append(f"      {row.note}")
    counts = {status: sum(row.status == status for row in report.rows) for status in ("MET", "NOT MET", "UNKNOWN")}
    end = {0: "all bars met", 1: "a bar is not met", 3: "too noisy to tell"}[report.exit_code]
    summary = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return "\n".join([*lines, "", f"{end}: {summary}; {report.seconds:.0f} s", ""])


def _figure(row: Row) -> str:
    if row.value is None:
        return ""
    return f"{row.value:.3f} x" if row.unit == "x" else f"{row.value:,.0f} {row.unit}".rstrip()


def _painted(status: Status, colour: bool) -> str:
    code = {"MET": "32", "NOT MET": "31;1", "UNKNOWN": "33"}.get(status)
    return f"\x1b[{code}m{status}\x1b[0m" if colour and code else f"({status})" if status == "report only" else status


EXAMPLES: Final = """\
examples:
  tidegate bench                              everything, under a minute
  tidegate bench --quick --subjects ring      only the control beside queue.Queue, in about 15 s
  tidegate bench --json bench.json            the figures for a machine as well

exit: 0 all bars met, 1 a bar is not met, 2 bad usage, 3 the machine is too noisy to tell, or it was interrupted
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate bench",
        description="Measure the intake against its bars and its peers, as ratios to queue.Queue within one run.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, about 15 s")
    parser.add_argument(
        "--rounds", type=at_least(10), metavar="N", help="rounds of each timing, at least 10 (default: 300; quick: 80)"
    )
    parser.add_argument("--subjects", metavar="A,B", help=f"peers beside {BASELINE}, of: {', '.join(PEERS)} (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON too; - is standard output, without the table")
    return parser


def main(argv: list[str]) -> int:
    """Run `tidegate bench` with these arguments, and return its exit code."""
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
        subjects = tuple(PEERS) if arguments.subjects is None else tuple(arguments.subjects.split(","))
        unknown = [name for name in subjects if name not in PEERS and name != OURS]
        if unknown:
            parser.error(f"no such subject: {', '.join(unknown)} (there are: {', '.join(PEERS)})")
        rounds = arguments.rounds if arguments.rounds is not None else 80 if arguments.quick else 300
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    try:
        file = ReportFile(arguments.json)
        report = run_bench(rounds, subjects, quick=arguments.quick)
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(report.as_json() + "\n" if arguments.json == "-" else render(report, colour))
        file.write(report.as_json() + "\n", final=True)
    except UsageError as error:
        sys.stderr.write(f"tidegate bench: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: nothing was judged\n")
        return 3
    return report.exit_code
