"""`tidegate simulate`: our limit and others in virtual time, over services that have a knee."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tidegate_specs.check import EXIT_CODES, overall
from tidegate_specs.extras import UsageError
from tidegate_specs.options import at_least, seconds_within
from tidegate_specs.reports import ReportFile

from .judge import LIMITERS, NEAR, OF_BEST, OF_RIVALS, OURS, Line, compare, from_json, table, to_json
from .rows import FIRST, ROWS, SECONDS, Row

EPILOG: Final = f"""\
examples:
  tidegate simulate                           every row, in a few minutes
  tidegate simulate --row bimodal --seeds 5   one row, five times with other random numbers
  tidegate simulate --json rows.json          the same as JSON; - is stdout, alone
  tidegate simulate --from rows.json --markdown    the table of a page, from what was saved

exit codes:
  0  OK: {OURS} makes {OF_BEST:.0%} of the best fixed limit's goodput and {OF_RIVALS:.0%} of the best rival's in every row
  1  ILLEGAL: in a row it does not, or it does not end within {NEAR:.0%} of the knee
  2  bad usage
  3  UNKNOWN: interrupted before there was an answer
""".replace("%", "%%")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate simulate",
        description="Offer a service that has a knee more than it can do, in virtual time, and count what limits make of it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--row", action="append", default=[], metavar="TEXT", help="only rows whose name has it; repeatable")
    parser.add_argument(
        "--seconds", type=seconds_within(10, 3600), default=SECONDS, metavar="S", help=f"virtual, 10 to 3600 (default: {SECONDS:g})"
    )
    parser.add_argument("--seed", type=at_least(0), default=1, metavar="N", help="of the random numbers (default: 1)")
    parser.add_argument("--seeds", type=at_least(1), default=1, metavar="N", help="so many seeds, averaged (default: 1)")
    parser.add_argument("--from", dest="source", metavar="FILE", help="read what --json wrote instead of running anything")
    parser.add_argument("--json", metavar="FILE", help="write the table as JSON; - is stdout, alone")
    parser.add_argument("--markdown", action="store_true", help="print the table of a page")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run `tidegate simulate` with these arguments, and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return _simulate(arguments)
    except UsageError as error:
        print(f"tidegate simulate: {error}", file=sys.stderr)
        return 2


def _simulate(arguments: argparse.Namespace) -> int:
    rows = [row for row in ROWS if not arguments.row or any(text in row.name for text in arguments.row)]
    if not rows:
        raise UsageError(
            f"--row: no row has {' or '.join(arguments.row)} in its name; there are: {'; '.join(r.name for r in ROWS)}"
        )
    file = ReportFile(arguments.json, "--json") if arguments.json else None
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    quiet = arguments.markdown or arguments.json == "-"
    lines, whole = (_saved(arguments.source), True) if arguments.source else _run(rows, arguments.seconds, seeds, quiet)
    if arguments.markdown:
        sys.stdout.write(table(lines))
    elif arguments.json != "-" and arguments.source:
        sys.stdout.writelines(_told(line) for line in lines)
    if arguments.json == "-":
        sys.stdout.write(to_json(lines, arguments.seconds, seeds))
    elif file is not None:
        file.write(to_json(lines, arguments.seconds, seeds), final=True)
    if not whole:
        print("tidegate simulate: interrupted; what was seen until then was reported", file=sys.stderr)
        return 3
    verdict = overall(line.verdict for line in lines)
    if not quiet:
        print(f"tidegate simulate: {verdict.value} ({len(lines)} lines, seeds {seeds.start} to {seeds.stop - 1})")
    return EXIT_CODES[verdict]


def _saved(source: str) -> list[Line]:
    try:
        return from_json(Path(source).read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"--from: cannot read {source}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--from: {source} is no table of this version: {error}") from None


def _run(rows: Sequence[Row], seconds: float, seeds: Sequence[int], quiet: bool) -> tuple[list[Line], bool]:
    """Run the rows. Gives the lines, and whether it came to its end."""
    stream: Any = sys.stderr if quiet else sys.stdout
    lines: list[Line] = []
    stream.write(
        f"{'goodput, of the best fixed limit (limit at the end)':<50}" + "".join(f"{name:>15}" for name in LIMITERS) + "\n"
    )
    try:
        for row in rows:
            for line in compare(row, FIRST, seconds, seeds):
                lines.append(line)
                stream.write(_told(line))
                stream.flush()
    except KeyboardInterrupt:
        return lines, False
    return lines, True


def _told(line: Line) -> str:
    cells = "".join(f"{f'{line.goodput[name]:.0%} ({line.last[name]:.0f})':>15}" for name in LIMITERS if name in line.goodput)
    wrong = "".join(f"\n    {line.verdict.value}: {each}" for each in line.wrong)
    return f"{f'{line.row}, from {line.first}':<50}{cells}{wrong}\n"
