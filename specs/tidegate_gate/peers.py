"""`tidegate peers`: judge the queues that people use today, and print the verdict table: clauses by subjects."""

import argparse
import json
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from tidegate import __version__
from tidegate_specs.check import EXIT_CODES, Verdict, overall
from tidegate_specs.conformance.classes import CLASSES
from tidegate_specs.conformance.peers import PEERS
from tidegate_specs.extras import UsageError, require
from tidegate_specs.reports import ReportFile

from .conformance import IDS, Conformance, check_intake, conformance_of
from .report import seconds_text
from .verify import judge_quietly

_EPILOG = """\
examples:
  tidegate peers                                          judge all of them, and the kernel, in about three minutes
  tidegate peers QueueQueue Janus                         only these
  tidegate peers --json verdicts.json                     keep what was found
  tidegate peers --from verdicts.json --markdown          write a table of it, running nothing
  tidegate verify --intake tidegate_specs.conformance.peers:QueueQueue --clause NOWAIT-2      one cell of the table

exit codes:
  0  each verdict is OK, or ILLEGAL as expected
  1  a verdict was not as expected
  2  bad usage, or something that is needed is not installed
  3  UNKNOWN: a check had no answer, or the run was stopped
"""
PREFIX: Final = "tidegate_specs.conformance.peers:"
OURS: Final = "tidegate"
SHORT: Final = {None: "-", Verdict.OK: "OK", Verdict.ILLEGAL: "ILLEGAL", Verdict.UNKNOWN: "UNKNOWN"}


@dataclass(frozen=True, slots=True)
class Cell:
    """Give the verdict on one clause ("-": not applicable), why, and what was expected, with its link."""

    verdict: str
    text: str
    expected: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """Give the verdicts on one subject, by clause."""

    name: str
    title: str
    version: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """Give the verdicts on all subjects, by one interpreter. A column's cells are those of all clauses of the contract."""

    tidegate: str
    python: str
    columns: tuple[Column, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Judge peers or read what was found; return the exit code that the help tells."""
    arguments = _parser().parse_args(argv)
    try:
        return _peers(arguments)
    except UsageError as error:
        print(f"tidegate peers: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate peers",
        description="Judge the queues that people use today by what their adapters declare, and print the verdict table.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = ", ".join([OURS, *(peer.__name__ for peer in PEERS)])
    parser.add_argument("peer", nargs="*", metavar="PEER", help=f"only these of {names}")
    parser.add_argument("--from", dest="file", metavar="FILE", help="run nothing, read what --json wrote")
    parser.add_argument("--json", metavar="FILE", help="write what was found as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    return parser


def _peers(arguments: argparse.Namespace) -> int:
    known = [OURS, *(peer.__name__ for peer in PEERS)]
    names = cast("list[str]", arguments.peer)
    if strange := [name for name in names if name not in known]:
        raise UsageError(f"no peer {strange[0]}; there are {', '.join(known)}")
    file = ReportFile(cast("str | None", arguments.json))
    if arguments.file is not None:
        if names or arguments.json:
            raise UsageError("--from runs nothing: no peer and no --json can go with it")
        found, verdict = read(Path(cast(str, arguments.file))), Verdict.OK
    else:
        require("tidegate peers", "gate")
        found, verdict = judge_peers(names or known, sys.stderr if arguments.markdown else sys.stdout)
    print(as_markdown(found) if arguments.markdown else as_text(found))
    if arguments.file is None:
        file.write(as_json(found), final=True)
    return EXIT_CODES[verdict]


def judge_peers(names: Sequence[str], stream: Any) -> tuple[VerdictTable, Verdict]:
    """Judge these peers one after the other, with a line for each as soon as it is done. The worst verdict of all is the second."""
    columns: list[Column] = []
    verdicts: list[Verdict] = []
    for name, title, version in [(OURS, OURS, __version__), *((peer.__name__, peer.title, peer.version) for peer in PEERS)]:
        if name not in names:
            continue
        if not version:
            print(f"{title}: not installed", file=stream, flush=True)
            verdicts.append(Verdict.UNKNOWN)
            continue
        print(f"{title} {version} ...", file=stream, flush=True)
        started_s = time.monotonic()
        found = conformance_of(judge_quietly([])) if name == OURS else check_intake(PREFIX + name)
        verdicts.append(found.verdict)
        columns.append(replace(column_of(name, found), title=title, version=version))
        print(f"    {found.verdict.value}, {seconds_text(time.monotonic() - started_s)}", file=stream, flush=True)
    return VerdictTable(__version__, platform.python_version(), tuple(columns)), overall(verdicts)


def column_of(name: str, found: Conformance) -> Column:
    """Make a column of the verdicts on an intake."""
    cells = {
        id_: Cell(
            SHORT[clause.verdict],
            clause.text.partition("\nreplay: ")[0],
            *((clause.expected.reason, clause.expected.link) if clause.expected else ()),
        )
        for id_, clause in found.clauses.items()
    }
    return Column(name, found.title, found.version, cells)


def as_json(table: VerdictTable) -> str:
    """Write a table as JSON."""
    return json.dumps(asdict(table), indent=1) + "\n"


def read(file: Path) -> VerdictTable:
    """Read a table back. UsageError where it can't be."""
    try:
        told = json.loads(file.read_text("utf-8"))
        columns = [
            Column(one["name"], one["title"], one["version"], {id_: Cell(**cell) for id_, cell in one["cells"].items()})
            for one in told["columns"]
        ]
        return VerdictTable(told["tidegate"], told["python"], tuple(columns))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} is not what --json writes ({type(error).__name__}: {error})") from None


def as_text(table: VerdictTable) -> str:
    """Write a table for a terminal: a line for each clause, a column for each subject, and what is expected of whom."""
    marks = [f"[{number}]" for number in range(1, len(table.columns) + 1)]
    lines = [f"{mark} {column.title} {column.version}" for mark, column in zip(marks, table.columns, strict=True)]
    lines += ["", f"{'clause':<13} " + " ".join(f"{mark:<8}" for mark in marks)]
    for id_ in IDS:
        lines.append(f"{id_:<13} " + " ".join(f"{verdict_in(column, id_):<8}" for column in table.columns).rstrip())
    for mark, column in zip(marks, table.columns, strict=True):
        told = {id_: cell for id_, cell in column.cells.items() if cell.expected}
        lines += ["", f"{mark} {column.title}"] if told else []
        lines += [f"  {id_}: {cell.expected} ({cell.link})" for id_, cell in told.items()]
    return "\n".join(lines)


def verdict_in(column: Column, id_: str) -> str:
    """Give the verdict on a clause; a dash for one that was not in the contract yet when the table was made."""
    return column.cells[id_].verdict if id_ in column.cells else "-"


def as_markdown(table: VerdictTable) -> str:
    """Write a table as Markdown, and below it of each subject what is expected of it, why, and where that is written."""
    heads = [f"{column.title} {column.version.removeprefix('CPython ')}" for column in table.columns]
    lines = ["| clause | kind | " + " | ".join(heads) + " |", "|" + "---|" * (len(heads) + 2)]
    lines += [
        f"| {id_} | {CLASSES[id_].kind} | " + " | ".join(verdict_in(column, id_) for column in table.columns) + " |" for id_ in IDS
    ]
    for column in table.columns:
        told = {id_: cell for id_, cell in column.cells.items() if cell.expected}
        lines += ["", f"**{column.title}** (`tidegate verify --intake {PREFIX}{column.name}`)", ""] if told else []
        lines += [f"- {id_}: {cell.expected} ([source]({cell.link}))" for id_, cell in told.items()]
    return "\n".join(lines)
