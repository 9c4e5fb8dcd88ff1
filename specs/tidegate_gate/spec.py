"""`tidegate spec`: give the specification as a document: for a terminal, as a page, as a TLA+ module, as a citation."""

import argparse
import os
import pydoc
import shutil
import sys
from collections.abc import Sequence
from typing import cast

from tidegate_specs.check import Check
from tidegate_specs.clauses import Clause, predicate_names
from tidegate_specs.document import tla
from tidegate_specs.document.cite import bibtex, citation
from tidegate_specs.document.content import by_tool, entries
from tidegate_specs.document.page import page
from tidegate_specs.document.text import Text
from tidegate_specs.extras import UsageError
from tidegate_specs.options import clause_id
from tidegate_specs.registry import ADAPTER_IDS, AROUND_IDS, CLAUSES, POLICY_IDS
from tidegate_specs.reports import ReportFile
from tidegate_specs.runner import load

from .plan import GROUPS, Failure, FailureKind

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

on a terminal the text is in colour, unless NO_COLOR is set, and goes through $PAGER, unless that is cat

exit codes:
  0  done
  2  bad usage, or a file that can't be written
  3  the checks of a group could not be listed: the document says which
"""
_WIDTHS = (60, 100)  # the narrowest and the widest text


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
    option = "--tla" if arguments.html is None else "--html"
    target = cast("str | None", arguments.tla if arguments.html is None else arguments.html)
    try:
        file = ReportFile(target, option)
        text, failures = _document(arguments)
        if target not in (None, "-"):
            file.write(text, final=True)
        elif target == "-":
            sys.stdout.write(text)
        else:
            _show(text)
    except UsageError as error:
        print(f"tidegate spec: {error}", file=sys.stderr)
        return 2
    for failure in failures:
        print(f"UNKNOWN  {failure.sentence()}; its checks are missing", file=sys.stderr)
    return 3 if failures else 0


def _document(arguments: argparse.Namespace) -> tuple[str, list[Failure]]:
    """Give the text in the form asked for, and the groups whose checks are missing in it."""
    if arguments.cite:
        return bibtex() if arguments.bibtex else citation(), []
    if arguments.tla is not None:
        return tla.module(), []
    checks, failures = listed_checks()
    return _told(arguments, checks), failures


def _told(arguments: argparse.Namespace, checks: Sequence[Check]) -> str:
    chosen = [clause for clause in CLAUSES if clause.id in arguments.clause or not arguments.clause]
    if arguments.markdown:
        core = {clause.id for clause in CLAUSES} - AROUND_IDS
        wanted = ADAPTER_IDS if arguments.adapters else POLICY_IDS if arguments.policies else core
        listed = [clause for clause in chosen if clause.id in wanted]
        return "\n".join(guarantees(listed, checks)) + "\n"
    if arguments.brief:
        return "".join(f"{clause.id:<13} {', '.join(predicate_names(clause)):<44} {_counts(clause, checks)}\n" for clause in chosen)
    found = entries(checks)
    if arguments.html is not None:
        return page(found)
    width = min(max(shutil.get_terminal_size().columns, _WIDTHS[0]), _WIDTHS[1])
    text = Text(width, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    told = (entry for entry in found if entry.clause in chosen)
    lines = [line for entry in told for line in text.clause(entry)] if arguments.clause else list(text.document(found))
    return "\n".join(lines) + "\n"


def _show(text: str) -> None:
    """Print a text; on a terminal that is too low for it, page by page."""
    if sys.stdout.isatty() and sys.stdin.isatty() and text.count("\n") >= shutil.get_terminal_size().lines:
        os.environ.setdefault("LESS", "-FRX")  # colours as they are, the text left on the screen, as git has it
        pydoc.pager(text)
    else:
        sys.stdout.write(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate spec",
        description="Print the specification: links, machine, clauses with their evidence, assumptions, citation.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clause", type=clause_id, action="append", default=[], metavar="ID", help="only this clause; repeatable")
    parser.add_argument("--adapters", action="store_true", help="with --markdown: the adapters' clauses, not the contract's")
    parser.add_argument("--policies", action="store_true", help="with --markdown: the policies' clauses, not the contract's")
    parser.add_argument("--bibtex", action="store_true", help="with --cite: an entry for BibTeX")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--brief", action="store_true", help="one line for each clause")
    forms.add_argument("--markdown", action="store_true", help="a Markdown table of the contract's clauses")
    forms.add_argument("--html", metavar="FILE", help="write the document as one self-contained page; - is the terminal")
    forms.add_argument("--tla", metavar="FILE", nargs="?", const="-", help="write the machine as a TLA+ module")
    forms.add_argument("--cite", action="store_true", help="the text of CITATION.cff")
    return parser


def guarantees(clauses: Sequence[Clause], checks: Sequence[Check]) -> list[str]:
    """Give the lines of a Markdown table: each clause, what it rests on, and what it does not claim."""
    head = ["| clause | promise | rests on (checks) | not claimed |", "|---|---|---|---|"]
    return head + [f"| {one.id} | {one.sentence} | {_counts(one, checks)} | {one.not_claimed} |" for one in clauses]


def listed_checks() -> tuple[list[Check], list[Failure]]:
    """List the checks of all groups, and the groups that could not be listed. Modules are imported, and none of an extra."""
    checks: list[Check] = []
    failures: list[Failure] = []
    for group in GROUPS:
        loaded = load(group.module, "tidegate")
        if isinstance(loaded, tuple):
            checks += loaded[1]
        else:
            failures.append(Failure(group, cast(FailureKind, loaded["kind"]), str(loaded["message"])))
    return checks, failures


def _counts(clause: Clause, checks: Sequence[Check]) -> str:
    return by_tool([check for check in checks if clause.id in check.clauses]) or "no check"
