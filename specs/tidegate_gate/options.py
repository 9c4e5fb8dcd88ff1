"""The options of `tidegate verify`, and which of them go together."""

import argparse
import difflib
import importlib
import sys
from collections.abc import Collection, Sequence
from typing import cast

from tidegate_specs.conformance.adapter import names_in
from tidegate_specs.conformance.levels import NAMES
from tidegate_specs.extras import UsageError, require
from tidegate_specs.options import at_least, clause_id

from .budget import parse_budget_s
from .plan import GROUPS, Group
from .shards import Shard

_EPILOG = """\
examples:
  tidegate verify                                   everything, in two to three minutes on 2 cores
  tidegate verify --profile full                    everything, harder, in about a quarter of an hour on 2 cores
  tidegate verify --clause BOUND-1 --clause FORK-1  only the checks that bear on these clauses
  tidegate verify --check scenarios.09 --seed 7     one check, as the line under a failure says
  tidegate verify --check scenarios                 all checks of one group
  tidegate verify --intake tidegate_specs.conformance.peers:QueueQueue   somebody else's queue, behind an adapter
  tidegate verify --level threads --intake tidegate_specs.conformance.peers:QueueQueue   what a queue with a lock can keep
  tidegate verify --json report.json                the report for a machine, kept up to date while the gate runs
  tidegate verify --junit report.xml                the same as JUnit XML, for a CI system
  tidegate verify --markdown report.md              the verdict, what is not OK and a table of clauses, for a job summary
  tidegate verify --statement 0.2.0.md              the verdict on each clause and what it rests on, to be published
  tidegate verify --budget 30s                      as much as fits into the time; what does not is UNKNOWN
  tidegate verify --shard 1/2 --json 1.json         one half of the checks; the other half runs elsewhere
  tidegate verify --merge 1.json 2.json             the verdict on the whole
  tidegate verify --vendored src/myapp/_gate        a copy that tidegate vendor has made: its files, origin, import, and conduct
  tidegate verify --files-only --vendored DIR       only its files and origin: reads files, imports nothing, needs no extra

exit codes:
  0  OK: every clause is OK
  1  ILLEGAL: a clause was found broken; the witness and the command that replays it are printed
  2  bad usage, an adapter whose first calls go wrong, or something that the gate needs is not installed
  3  UNKNOWN: a check had no answer (a limit, a crash, a noisy machine), or the run was stopped by Ctrl-C, SIGTERM
     or SIGHUP before any clause was found broken, or nobody was there to read the verdict (a closed pipe)
"""
_SEED = 0
_REGISTRY = "tidegate_specs.registry"


def verify_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate verify",
        description="Judge the kernel by its contract, clause by clause: OK, ILLEGAL or UNKNOWN, with the evidence.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=("quick", "full"), default="quick", help="how hard to look (default: quick)")
    parser.add_argument(
        "--clause",
        type=clause_id,
        action="append",
        default=[],
        metavar="ID",
        help="only checks that bear on this clause; repeatable",
    )
    parser.add_argument(
        "--check", action="append", default=[], metavar="NAME", help="only this check; repeatable; * matches any text"
    )
    parser.add_argument(
        "--seed", type=at_least(0), default=_SEED, metavar="N", help=f"seed of everything random (default: {_SEED})"
    )
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON; - is stdout, and the lines then go to stderr")
    parser.add_argument("--junit", type=file_of, metavar="FILE", help="write the report as JUnit XML")
    parser.add_argument(
        "--markdown",
        type=file_of,
        metavar="FILE",
        help="write the report as Markdown, as a job summary has it, at the end of the run",
    )
    parser.add_argument(
        "--statement", type=file_of, metavar="FILE", help="write the conformance statement of a whole run, in Markdown, at its end"
    )
    parser.add_argument(
        "--budget",
        type=_budget,
        metavar="TIME",
        help="stop after this time (90s, 5m, 1h), which goes first to the cheapest check on each clause; what it can buy, and"
        " what is left out of each clause, is said beforehand; a clause for which no check fits is UNKNOWN",
    )
    parser.add_argument(
        "--shard", type=shard_of, metavar="I/N", help="run only the I-th of N parts of the checks; --merge adds the reports up"
    )
    parser.add_argument(
        "--merge", nargs="+", metavar="FILE", help="run nothing: add up the JSON reports of all shards of a run to one verdict"
    )
    parser.add_argument("--list", action="store_true", help="list the checks and run none")
    _add_subjects(parser)
    return parser


def _add_subjects(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is judged, and from where."""
    parser.add_argument(
        "--subject",
        default="tidegate",
        metavar="MODULE",
        help="judge this module instead, or the package in this folder (src/app/gate, ./gate), with the same public names"
        " (default: tidegate)",
    )
    parser.add_argument(
        "--intake",
        type=intake_of,
        metavar="MODULE:ADAPTER",
        help="judge somebody else's bounded intake behind an adapter instead: see tidegate_specs.conformance",
    )
    parser.add_argument(
        "--level", choices=NAMES, default="", help="with --intake: judge only what this level of conformance and those below ask"
    )
    parser.add_argument("--vendored", metavar="DIR", help="judge a copy that tidegate vendor has made, in four levels")
    parser.add_argument("--files-only", action="store_true", help="with --vendored: only the two levels that import nothing")
    parser.add_argument("--jobs", type=at_least(1), default=2, metavar="N", help="groups that run beside each other (default: 2)")
    parser.add_argument("--checks-from", action="append", default=[], metavar="MODULE", help=argparse.SUPPRESS)
    parser.add_argument("--clauses-from", default=_REGISTRY, metavar="MODULE", help=argparse.SUPPRESS)
    parser.set_defaults(levels=[], expected={}, path=())


def intake_of(text: str) -> str:
    try:
        names_in(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def file_of(text: str) -> str:
    if text == "-":
        raise argparse.ArgumentTypeError("a file is needed, stdout has the lines for a reader")
    return text


def shard_of(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not I/N with 1 <= I <= N") from None


def _budget(text: str) -> float:
    try:
        return parse_budget_s(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a time such as 90s, 5m or 1h") from None


def hidden_options(arguments: argparse.Namespace) -> list[str]:
    more = [word for module in arguments.checks_from for word in ("--checks-from", module)]
    if arguments.clauses_from != _REGISTRY:
        more += ["--clauses-from", cast(str, arguments.clauses_from)]
    return more


def require_gate() -> None:
    if sys.flags.optimize:
        raise UsageError("assertions are off (-O or PYTHONOPTIMIZE): the checks would judge nothing")
    require("tidegate verify", "gate")


def refuse_beside(option: str, arguments: argparse.Namespace, sensible: Collection[str], why: str) -> None:
    """Raise UsageError for options given that make no sense beside one."""
    plain = vars(verify_parser().parse_args([]))
    given = [name for name, value in vars(arguments).items() if value != plain[name] and name not in sensible]
    if other := [f"--{name.replace('_', '-')}" for name in given]:
        raise UsageError(f"{option} {why}: {', '.join(other)} cannot go with it")


STATING = frozenset({"statement", "profile", "seed", "jobs", "json", "junit", "markdown", "checks_from", "clauses_from"})
READING = frozenset({"vendored", "files_only", "json", "junit"})
JUDGING = frozenset({"profile", "seed", "clause", "check", "budget", "jobs", "markdown", "checks_from", "clauses_from"})


def clause_ids(module: str = _REGISTRY) -> list[str]:
    """Give the ids of all clauses, in the order of the contract and then of the adapters."""
    return [str(clause.id) for clause in importlib.import_module(module).CLAUSES]


def chosen_groups(modules: Sequence[str], patterns: Sequence[str], every: Sequence[Group] = GROUPS) -> list[Group]:
    """Give the groups to load: those of the modules named, or all; only those that `--check` names, where that is plain."""
    groups = [Group(module.rpartition(".")[2], module) for module in modules] or list(every)
    prefixes = {pattern.partition(".")[0] for pattern in patterns}
    named = [group for group in groups if group.name in prefixes]
    return named if patterns and len(named) == len(prefixes) else groups


def closest(word: str, words: Sequence[str]) -> str:
    found = difflib.get_close_matches(word.upper(), [known.upper() for known in words], 1, 0.5)
    close = [known for known in words if known.upper() in found]
    return f" (did you mean {close[0]}?)" if close else ""
