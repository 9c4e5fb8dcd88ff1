"""Break the kernel on purpose, one fault at a time, and show that the checks notice.

A mutant is a patch of the real kernel's source, in a file of its own in `mutants`, with the clause that it breaks and the
checks that must kill it. The kill matrix runs every mutant against the groups of checks, each pair in a process of its own. A
mutant that no check kills, or that a group named in its file does not kill, is a survivor, and a survivor fails the build: the
check that should have seen it looks away.

A race mutant is wrong only when threads meet at the wrong moment. Its file states within how many schedules the explorer kills it;
one more is a survivor too. Plain stress is run on it as well, and need not kill it: what lives there, and dies under the explorer,
is why there is an explorer.
"""

import argparse
import importlib
import sys
import types
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .. import mutants, runner
from ..check import EXIT_CODES, Check, Result, Settings, Subject, Verdict
from ..options import at_least
from ..progress import progress as tell
from .matrix import judge, render
from .patching import PREFIX, StaleMutant, describe, load_mutant, mutant_names
from .running import GROUPS, is_there, kill_matrix

EPILOG: Final = """\
examples:
  tidegate mutants                     every mutant against the first group that must kill it
  tidegate mutants --profile full      the whole matrix, in a few minutes
  tidegate mutants lifo lost_slot      these two only
  tidegate mutants --adapters          every broken adapter against the first check that must kill it
  tidegate mutants --policies          every broken policy against the first check that must kill it
  tidegate mutants --operators         every small change that operators make in the core; see --operators --help

exit codes:
  0  every mutant is killed
  1  a mutant survives a check that must kill it
  2  bad usage
  3  the kernel itself fails a check, there was no answer, or it was interrupted
"""


def judge_around(package: types.ModuleType, group: str, subject: Subject, settings: Settings) -> Result:
    """Judge the mutants of what stands around the kernel, adapters or policies, by the checks of the package that they are in."""
    file = getattr(subject, "__file__", None)
    if not isinstance(file, str) or not Path(file).is_file():
        return Result(Verdict.UNKNOWN, "no mutant was made", "the subject's source is not in files of its own")
    groups = {group: package.__name__.rpartition(".")[0]}
    try:
        return judge(kill_matrix(groups, "quick", mutant_names(package), seed=settings.seed, source_dir=Path(file).parent))
    except StaleMutant as error:
        return Result(Verdict.ILLEGAL, "a mutant does not fit", str(error))


def matrix_check(groups: Mapping[str, str] | None = None) -> Check:
    """Make the check that no mutant survives, over the groups given (those of the specification if None)."""

    def run(subject: Subject, settings: Settings) -> Result:
        file = getattr(subject, "__file__", None)
        source_dir = Path(file).parent if isinstance(file, str) else None
        if source_dir is None or not (source_dir / "_intake.py").is_file():
            return Result(Verdict.UNKNOWN, "no mutant was made", "the subject's source is not in files of its own")
        try:
            return judge(kill_matrix(groups, settings.profile, None, tell, settings.seed, source_dir))
        except StaleMutant as error:
            return Result(Verdict.ILLEGAL, "a mutant does not fit", str(error))

    breaking = Counter(clause for name in mutant_names() for clause in describe(name).breaks)
    return Check(
        name="mutants.kill_matrix",
        group="mutants",
        tool="mutants",
        clauses=tuple(sorted(breaking)),
        share={clause: f"{count} of {count} mutants that break it killed" for clause, count in breaking.items()},
        shows="every kernel that was broken on purpose is caught by the checks named for it, and the kernel itself by none",
        shows_not="faults of other kinds. The quick profile runs each mutant against one group of checks only",
        run=run,
        limit_s=(240.0, 1800.0),
    )


if TYPE_CHECKING:
    CHECKS: tuple[Check, ...]


def __getattr__(name: str) -> tuple[Check, ...]:
    """Give CHECKS when asked for them: to count the mutants is to read all their files, and a process with one of them need not."""
    if name != "CHECKS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return (matrix_check(),)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate mutants",
        description="Judge deliberately broken kernels and print which check kills which.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", nargs=2, metavar=("MUTANT", "GROUP"), help=argparse.SUPPRESS)
    parser.add_argument("--module", help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help="the folder of the kernel to patch (default: the installed one)")
    parser.add_argument("--profile", choices=("quick", "full"), default="quick", help="how many pairs (default: quick)")
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="seed of everything random (default: 0)")
    parser.add_argument("--group", action="append", help="only this group of checks, NAME or NAME=MODULE (default: all groups)")
    parser.add_argument("--adapters", action="store_true", help="judge the adapters' mutants, not the kernel's")
    parser.add_argument("--policies", action="store_true", help="judge the policies' mutants, not the kernel's")
    parser.add_argument(
        "--operators", action="store_true", help="as the first word: judge small changes made by rule, not mutants written by hand"
    )
    parser.add_argument("mutants", nargs="*", help="only these mutants (default: all)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one mutant under one group of checks (names on stdin, see `runner`), or print the kill matrix."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["--operators"]:
        return int(importlib.import_module("tidegate_specs.operators.command").main(words[1:]))
    parser = _parser()
    arguments = parser.parse_args(words)
    if arguments.operators:
        parser.error("--operators comes first, and takes no other mutants")
    if arguments.run:
        name, group = arguments.run
        load_mutant(name, arguments.source)
        module = arguments.module or GROUPS[group]
        return runner.main([module, "--subject", PREFIX + name, "--profile", arguments.profile, "--seed", str(arguments.seed)])
    package: types.ModuleType = mutants
    groups: dict[str, str] | None = None
    if around := "adapters" if arguments.adapters else "policies" if arguments.policies else "":
        groups = {around: f"tidegate_specs.{around}"}
        package = importlib.import_module(f"tidegate_specs.{around}.mutants")
    if arguments.group:
        groups = {name: module or GROUPS.get(name, "") for name, _, module in (entry.partition("=") for entry in arguments.group)}
        for name, module in groups.items():
            if not is_there(module):
                parser.error(f"no group {name} {f'in {module}' if module else ''}; the groups are {', '.join(GROUPS)}")
    if arguments.source is not None and not (arguments.source / "__init__.py").is_file():
        parser.error(f"--source: {arguments.source} holds no package")

    def show(text: str) -> None:
        print(text, file=sys.stderr)

    known = mutant_names(package)
    unknown = [name for name in arguments.mutants if name not in known]
    if unknown:
        parser.error(f"no mutant {', '.join(unknown)}; the mutants are {', '.join(known)}")
    names = arguments.mutants or known
    matrix = kill_matrix(groups, arguments.profile, names, show, arguments.seed, arguments.source)
    print(render(matrix))
    return EXIT_CODES[judge(matrix).verdict]
