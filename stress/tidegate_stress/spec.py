"""`tidegate spec`: give the specification as a document: for a terminal, as a page, as a TLA+ module, as a citation."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tidegate_specs.clauses import Clause, predicate_names
from tidegate_specs.document import tla
from tidegate_specs.document.cite import bibtex, citation
from tidegate_specs.options import clause_id
from tidegate_specs.registry import ADAPTER_IDS, CLAUSES

from .extras import UsageError, require
from .plan import GROUPS, Failure, Planned, Request
from .supervisor import Running, Supervisor

_EPILOG = """\
examples:
  tidegate spec                     the whole document
  tidegate spec --clause BOUND-1    one clause
  tidegate spec --brief             one line for each clause
  tidegate spec --html spec.html    the document as one page, with drawings
  tidegate spec --tla               the machine as a TLA+ module
  tidegate spec --tla Tidegate.tla  the same, into a file
  tidegate spec --cite              the text of CITATION.cff; with --bibtex an entry for BibTeX
  tidegate spec --markdown          the table of guarantees; with --adapters that of the adapters

colour: on a terminal, unless NO_COLOR is set

exit codes:
  0  done
  2  bad usage, a file that can't be written, or something that is needed is not installed
  3  the checks of a group could not be listed: the document says which
"""
_WIDTHS = (60, 100)  # the narrowest and the widest text


class _Silence:
    def answered(self, answer: object) -> None:
        """Hear nothing: no check is run here."""

    def tick(self, running: Sequence[Running]) -> None:
        """Show nothing: listing takes a moment."""


def main(argv: Sequence[str] | None = None) -> int:
    """Give the document in the form asked for; return the exit code that the help tells."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.bibtex and not arguments.cite:
        parser.error("--bibtex is a form of --cite: tidegate spec --cite --bibtex")
    known = {clause.id: clause for clause in CLAUSES}
    unknown = [id_ for id_ in arguments.clause if id_ not in known]
    if unknown:
        print(f"tidegate spec: no clause {', '.join(unknown)}; the clauses are {', '.join(known)}", file=sys.stderr)
        return 2
    if arguments.cite:
        return _written(bibtex() if arguments.bibtex else citation(), "-")
    if arguments.tla is not None:
        return _written(tla.module(), arguments.tla)
    try:
        require("tidegate spec", "gate")
    except UsageError as error:
        print(f"tidegate spec: {error}", file=sys.stderr)
        return 2
    checks, failures = listed_checks()
    code = _told(arguments, checks)
    for failure in failures:
        print(f"UNKNOWN  {failure.sentence()}; its checks are missing", file=sys.stderr)
    return code or (3 if failures else 0)


def _told(arguments: argparse.Namespace, checks: Sequence[Planned]) -> int:
    chosen = [clause for clause in CLAUSES if clause.id in arguments.clause or not arguments.clause]
    if arguments.markdown:
        listed = [clause for clause in chosen if (clause.id in ADAPTER_IDS) == arguments.adapters]
        return _written("\n".join(guarantees(listed, checks)) + "\n", "-")
    if arguments.brief:
        for clause in chosen:
            bearing = [check for check in checks if clause.id in check.clauses]
            print(f"{clause.id:<13} {', '.join(predicate_names(clause)):<44} {_counts(bearing)}")
        return 0
    # These import what only the gate extra brings.
    from tidegate_specs.document.content import entries
    from tidegate_specs.document.page import page
    from tidegate_specs.document.text import Text

    found = entries(checks)
    if arguments.html is not None:
        return _written(page(found), arguments.html)
    width = min(max(shutil.get_terminal_size().columns, _WIDTHS[0]), _WIDTHS[1])
    text = Text(width, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    told = (entry for entry in found if entry.clause in chosen)
    lines = [line for entry in told for line in text.clause(entry)] if arguments.clause else list(text.document(found))
    return _written("\n".join(lines) + "\n", "-")


def _written(text: str, file: str) -> int:
    if file == "-":
        sys.stdout.write(text)
        return 0
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"tidegate spec: {file} can't be written: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate spec",
        description="Print the specification: links, machine, clauses with their evidence, assumptions, citation.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clause", type=clause_id, action="append", default=[], metavar="ID", help="only this clause; repeatable")
    parser.add_argument("--adapters", action="store_true", help="with --markdown: the adapters' clauses, not the contract's")
    parser.add_argument("--bibtex", action="store_true", help="with --cite: an entry for BibTeX")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--brief", action="store_true", help="one line for each clause")
    forms.add_argument("--markdown", action="store_true", help="a Markdown table of the contract's clauses")
    forms.add_argument("--html", metavar="FILE", help="write the document as one self-contained page; - is the terminal")
    forms.add_argument("--tla", metavar="FILE", nargs="?", const="-", help="write the machine as a TLA+ module")
    forms.add_argument("--cite", action="store_true", help="the text of CITATION.cff")
    return parser


def guarantees(clauses: Sequence[Clause], checks: Sequence[Planned]) -> list[str]:
    """Give the lines of a Markdown table: each clause, what it rests on, and what it does not claim."""
    lines = ["| clause | promise | rests on (checks) | not claimed |", "|---|---|---|---|"]
    for clause in clauses:
        bearing = [check for check in checks if clause.id in check.clauses]
        lines.append(f"| {clause.id} | {clause.sentence} | {_counts(bearing)} | {clause.not_claimed} |")
    return lines


def listed_checks() -> tuple[list[Planned], list[Failure]]:
    """List the checks of all groups, and the groups that could not be listed."""
    supervisor = Supervisor(Request(), 1, _Silence(), lambda: False)
    try:
        return supervisor.load(GROUPS)
    finally:
        supervisor.close()


def _counts(checks: Sequence[Planned]) -> str:
    """Count a clause's checks by their tool: "CrossHair 3, Hypothesis 1"."""
    tools = dict.fromkeys(check.tool for check in checks)
    return ", ".join(f"{tool} {sum(check.tool == tool for check in checks)}" for tool in tools) or "no check"
