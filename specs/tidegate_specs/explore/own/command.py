"""`tidegate explore FILE.py[:FUNCTION]` or `PACKAGE.MODULE:FUNCTION`: somebody's own program, under every schedule."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from ...check import EXIT_CODES, Verdict, overall
from ...options import at_least, seconds
from ...progress import OnStderr
from ..runs import Diverged
from .api import Target, importable
from .engine import Engine, NotSimulated
from .search import INTERRUPTED, Failure, Result, decode, encode, fault_of, steps_of
from .world import World

EPILOG = """\
examples:
  tidegate explore race.py                        `program`, and every function that @explore decorates
  tidegate explore race.py:transfer               one function
  tidegate explore shop.stock:reserve --module cachetools     of an installed package, that module is explored, too
  tidegate explore race.py:transfer --budget 60   stop after a minute: UNKNOWN, unless all is done by then
  tidegate explore race.py:transfer --explore-replay 3.14:A2B2C4B2A5     one schedule, step by step

exit codes:
  0  every schedule was run, and none failed
  1  a schedule failed; its steps, and the id that replays it, are printed
  2  bad usage: no such program
  3  UNKNOWN: out of budget, interrupted, or the program does what can't be simulated
"""
_PROGRAM: Final = r"(?P<module>.+\.py)(:(?P<function>[\w.]+))?|(?P<package>[A-Za-z_][\w.]*):(?P<member>[\w.]+)"


def names_a_program(argv: Sequence[str]) -> bool:
    """Tell whether `tidegate explore` is asked for somebody's program, and not for configurations of this project's."""
    pairs = zip(("", *argv), argv, strict=False)  # the value of an option, as in `--subject mutant:NAME`, is none
    named = [each for before, each in pairs if not each.startswith("-") and not before.startswith("--")]
    return any(re.fullmatch(_PROGRAM, each) for each in named)


def _targets(parser: argparse.ArgumentParser, text: str, modules: tuple[str, ...]) -> list[Target]:
    """Find the functions that are meant. Bad usage if there are none."""
    found = re.fullmatch(_PROGRAM, text)
    if found is None:
        parser.error(f"{text!r} is neither FILE.py[:FUNCTION] nor PACKAGE.MODULE:FUNCTION")
    module, function = found["module"] or found["package"], found["function"] or found["member"]
    if found["module"]:
        if not Path(module).is_file():
            parser.error(f"there is no file {module}")
        importable(Path(module).resolve().parent)
    else:
        importable(Path(os.getcwd()))
    try:
        loaded = World(Engine(), modules).load(module)
    except Exception as error:  # noqa: BLE001 (whatever the program's own import raises)
        parser.error(f"{module} can't be imported: {type(error).__name__}: {error}")
    members = vars(loaded)
    explored = [
        name for name, value in members.items() if hasattr(value, "__explored__") or (name == "program" and callable(value))
    ]
    names = [function] if function else explored
    if not names:
        parser.error(f"{module} has no function `program`, and none that @explore decorates; name one: {module}:FUNCTION")
    for name in names:
        value: object = loaded
        for part in name.split("."):
            value = getattr(value, part, None)
        if not callable(value):
            parser.error(f"{module} has no function {name}")
    return [Target(module, name, modules) for name in names]


class _Progress:
    """Tell how far a search is: schedules, their rate, the share of the choices known so far, and how long the rest would take."""

    def __init__(self, name: str) -> None:
        self.name, self.tell = name, OnStderr()

    def __call__(self, result: Result) -> None:
        rate = result.schedules / max(result.seconds, 1e-9)
        share = result.share
        left = (
            f", {100 * share:.0f} % of the known choices done, about {result.seconds / share * (1 - share):.0f} s left"
            if share > 0.001
            else ""
        )
        self.tell(f"{self.name}: {result.schedules:,} schedules, {rate:,.0f} a second{left}")


def search(target: Target, budget_s: float | None, limit: int | None, max_steps: int) -> Result:
    """Search one program, telling how far it is."""
    progress = _Progress(target.function)
    prepared, _ = target.prepared(progress)
    prepared.engine.max_steps = max_steps
    with prepared:
        result = prepared.reduced(budget_s, limit)
    progress.tell.clear()
    return result


def replay(target: Target, steps: Sequence[int]) -> Result:
    """Run one schedule. Never more than UNKNOWN, if it does not fail."""
    prepared, _ = target.prepared()
    with prepared:
        try:
            run = prepared.replay(steps)
        except (NotSimulated, Diverged) as error:
            return Result(why_not=str(error))
    message = fault_of(run)
    result = Result(schedules=1, why_not="a single schedule")
    shown = Failure(message or "this schedule does not fail", encode(run.steps), tuple(steps_of(run)))
    return replace(result, failure=shown) if message else replace(result, why_not=str(shown))


def main(argv: Sequence[str]) -> int:
    """Run `tidegate explore` on somebody's program. Exit 0 all explored and well, 1 a fault, 2 bad usage, 3 UNKNOWN."""
    parser = argparse.ArgumentParser(
        prog="tidegate explore",
        description="Run a program of your own under every schedule of its threads.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("program", help="FILE.py[:FUNCTION] or PACKAGE.MODULE:FUNCTION")
    parser.add_argument("--budget", type=seconds, metavar="S", help="stop after so many seconds")
    parser.add_argument("--limit", type=at_least(1), metavar="N", help="stop after so many schedules")
    parser.add_argument(
        "--max-steps", type=at_least(1), default=5000, metavar="N", help="the most steps of a schedule (default: 5000)"
    )
    parser.add_argument("--module", action="append", default=[], metavar="NAME", help="an installed module to explore, too")
    parser.add_argument("--explore-replay", metavar="ID", help="run this one schedule, and show its steps")
    options = parser.parse_args(argv)
    targets = _targets(parser, options.program, tuple(options.module))
    steps: list[int] | None = None
    if options.explore_replay is not None:
        try:
            steps = decode(options.explore_replay)
        except ValueError as error:
            parser.error(str(error))
        if len(targets) > 1:
            parser.error(f"--explore-replay is for one program: name it, as in {options.program}:{targets[0].function}")
    verdicts: list[Verdict] = []
    for target in targets:
        try:
            result = search(target, options.budget, options.limit, options.max_steps) if steps is None else replay(target, steps)
        except NotSimulated as error:
            result = Result(why_not=str(error))
        _tell(options.program, target, result, steps is not None)
        verdicts.append(result.verdict)
        if result.why_not == INTERRUPTED:
            break
    return EXIT_CODES[overall(verdicts)]


def _tell(program: str, target: Target, result: Result, replayed: bool) -> None:
    if replayed:
        print(f"{target.function}: {result.failure or result.why_not}")
        return
    print(f"{target.function}: {result}")
    if result.failure is not None:
        name = program if program.endswith(f":{target.function}") else f"{program}:{target.function}"
        extra = "".join(f" --module {each}" for each in target.modules)
        print(
            f"\n{result.failure}\nreplay: tidegate explore {name}{extra} --explore-replay {result.failure.replay_id}\n", flush=True
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
