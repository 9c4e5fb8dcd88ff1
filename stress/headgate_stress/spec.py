"""`headgate spec`: print the contract with the evidence behind each clause."""

import argparse
import sys
import textwrap
from collections.abc import Sequence

from headgate_specs.clauses import CLAUSES, Clause, predicate_names

from .extras import UsageError, require
from .plan import GROUPS, Failure, Planned, Request
from .supervisor import Running, Supervisor

_EPILOG = """\
examples:
  headgate spec                     the whole contract
  headgate spec --clause BOUND-1    one clause
  headgate spec --brief             one line for each clause
  headgate spec --markdown          the guarantee table of the README

exit codes:
  0  done
  2  bad usage, or something that is needed is not installed
  3  the checks of a group could not be listed: the table says which
"""
_WIDTH = 100


class _Silence:
    def answered(self, answer: object) -> None:
        """Hear nothing: no check is run here."""

    def tick(self, running: Sequence[Running]) -> None:
        """Show nothing: listing takes a moment."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the clauses; return the exit code that the help tells."""
    arguments = _parser().parse_args(argv)
    known = {clause.id: clause for clause in CLAUSES}
    unknown = [id_ for id_ in arguments.clause if id_ not in known]
    if unknown:
        print(f"headgate spec: no clause {', '.join(unknown)}; the clauses are {', '.join(known)}", file=sys.stderr)
        return 2
    try:
        require("headgate spec", "gate")
    except UsageError as error:
        print(f"headgate spec: {error}", file=sys.stderr)
        return 2
    checks, failures = _checks()
    if arguments.markdown:
        print("\n".join(guarantees(checks)))
        return 3 if failures else 0
    part = ""
    for clause in CLAUSES:
        if arguments.clause and clause.id not in arguments.clause:
            continue
        bearing = [check for check in checks if clause.id in check.clauses]
        if arguments.brief:
            print(f"{clause.id:<13} {', '.join(predicate_names(clause)):<44} {_counts(bearing)}")
            continue
        if clause.part != part:
            part = clause.part
            print(f"{part}\n{'=' * len(part)}\n")
        _print_clause(clause, bearing)
    for failure in failures:
        print(f"UNKNOWN  {failure.sentence()}; its checks are missing above")
    return 3 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="headgate spec",
        description="Print each clause: its sentence, its predicates, the checks that bear on it, and what they do not show.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clause", action="append", default=[], metavar="ID", help="only this clause; repeatable")
    parser.add_argument("--brief", action="store_true", help="one line for each clause")
    parser.add_argument("--markdown", action="store_true", help="a Markdown table of all clauses")
    return parser


def guarantees(checks: Sequence[Planned]) -> list[str]:
    """Give the lines of a Markdown table: each clause, what it rests on, and what it does not claim."""
    lines = ["| clause | promise | rests on (checks) | not claimed |", "|---|---|---|---|"]
    for clause in CLAUSES:
        bearing = [check for check in checks if clause.id in check.clauses]
        lines.append(f"| {clause.id} | {clause.sentence} | {_counts(bearing)} | {clause.not_claimed} |")
    return lines


def _checks() -> tuple[list[Planned], list[Failure]]:
    supervisor = Supervisor(Request(), 1, _Silence(), lambda: False)
    try:
        return supervisor.load(GROUPS)
    finally:
        supervisor.close()


def _print_clause(clause: Clause, checks: Sequence[Planned]) -> None:
    print(clause.id)
    print(_wrapped("", clause.sentence))
    print(_wrapped("predicate    ", ", ".join(predicate_names(clause))))
    print(_wrapped("not claimed  ", clause.not_claimed))
    for check in checks:
        print(_wrapped("check        ", f"{check.name} [{check.tool}]"))
        print(_wrapped("  shows      ", check.shows))
        print(_wrapped("  shows not  ", check.shows_not))
    if not checks:
        print(_wrapped("check        ", "none: the clause is UNKNOWN"))
    print()


def _wrapped(label: str, text: str) -> str:
    first = "  " + label
    return textwrap.fill(text, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False)


def _counts(checks: Sequence[Planned]) -> str:
    """Count a clause's checks by their tool: "CrossHair 3, Hypothesis 1"."""
    tools = dict.fromkeys(check.tool for check in checks)
    return ", ".join(f"{tool} {sum(check.tool == tool for check in checks)}" for tool in tools) or "no check"
