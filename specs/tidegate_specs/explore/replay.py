"""Run one schedule again, and show it: a column of source lines for each thread, and what each call answered."""

import argparse
import linecache
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from ..check import Subject, load_subject, names_lacking
from ..options import at_least
from .configurations import BY_NAME
from .explorer import Explorer
from .history import Operation
from .judging import program_of
from .program import Program
from .runs import Diverged, WaitsInEarnest, name_of
from .schedules import decode, this_version

EPILOG = f"""\
examples:
  tidegate replay close-offer-take@{this_version()}:A5B5                                     on the kernel
  tidegate replay release-release-offer@{this_version()}:A1 --subject mutant:double_release  on a kernel broken on purpose

A5B5: thread A runs five opcodes, then B five, then each to its end. Checks and tidegate explore print such schedules.

exit codes:
  0  the schedule ends well
  1  it shows a fault
  2  bad usage, or the schedule does not fit this implementation or this version of Python
  3  no answer: this implementation waits where the scheduler can't follow it
"""
COLOURS = ("36", "33", "35", "32", "34", "31")


@dataclass(frozen=True, slots=True)
class Row:
    """Show one line of one thread, the opcodes run there in a row, or an event of a call."""

    thread: int
    text: str
    event: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """Tell what a replayed schedule did: its rows, the fault it shows or "", and its calls."""

    threads: int
    rows: tuple[Row, ...]
    fault: str
    operations: tuple[Operation, ...]


def replay(program: Program, steps: Sequence[int]) -> Replay:
    """Run a schedule given opcode by opcode. Diverged if it can't be followed."""
    with Explorer(program) as explorer:
        explorer.scheduler.aim(explorer.sites.everything(), logged=True)
        run, shared, history = explorer.run(steps)
        operations = tuple(history.operations())
        fault = f"deadlock: {run.deadlock}" if run.deadlock else program.check(shared, history)
    rows: list[Row] = []
    previous: tuple[int, str, int] | None = None
    starts = {op.began: op for op in operations}
    ends: dict[int, list[Operation]] = {}
    for op in operations:
        if op.ended >= 0:
            ends.setdefault(op.ended, []).append(op)
    for number, (thread, file, line, opcode, _) in enumerate(run.log):
        if number in starts and starts[number].thread == thread:
            argument = starts[number].argument
            rows.append(Row(thread, f"{starts[number].name}({'' if argument is None else argument!s})", True))
            previous = None
        if (thread, file, line) != previous and (line or not file):
            source = linecache.getline(file, line).strip() if file else opcode
            rows.append(Row(thread, f"{line:4} {source or opcode}" if file else f"     ({opcode})"))
            previous = (thread, file, line)
        for op in ends.get(number, ()):
            rows.append(Row(op.thread, f"-> {op.result}", True))
            previous = None
    rows.extend(Row(op.thread, f"{op.name} never returned", True) for op in operations if op.ended < 0)
    return Replay(len(program.threads), tuple(rows), fault, operations)


def show(found: Replay, width: int, colour: bool) -> str:
    """Draw a replay as columns."""
    column = max(20, (width - 1) // found.threads)
    lines = ["".join(f"{'thread ' + name_of(thread):{column}}" for thread in range(found.threads)).rstrip()]
    for row in found.rows:
        text = row.text[: column - 2]
        if colour:
            text = f"\x1b[{'1;' if row.event else ''}{COLOURS[row.thread % len(COLOURS)]}m{text}\x1b[0m"
        lines.append(" " * (column * row.thread) + text)
    return "\n".join(lines)


def subject_named(text: str) -> Subject:
    """Give the implementation that a text names: a module, or a mutant ("mutant:lifo")."""
    if text.startswith("mutant:"):
        from ..mutation.patching import load_mutant

        return load_mutant(text.removeprefix("mutant:"))
    return load_subject(text)


def subject_of(parser: argparse.ArgumentParser, text: str) -> Subject:
    """Give the implementation that a text names, or end with a sentence about why there is none."""
    try:
        subject = subject_named(text)
    except Exception as error:  # noqa: BLE001 - whatever stops the import is the answer
        parser.error(f"--subject: cannot import {text}: {type(error).__name__}: {error}")
    if lacking := names_lacking(subject):
        parser.error(f"--subject: {text} has no {', '.join(lacking)}")
    return subject


def main(argv: Sequence[str] | None = None) -> int:
    """Run `tidegate replay`. Exit 0 if the schedule ends well, 1 if it shows a fault, 2 for bad usage."""
    parser = argparse.ArgumentParser(
        prog="tidegate replay",
        description="Show one schedule, as printed by a check or by tidegate explore.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("schedule", help="the schedule's id, such as close-offer-take@3.11:A37B5A12")
    parser.add_argument("--subject", default="tidegate", help="the implementation: a module, its folder, or mutant:NAME")
    parser.add_argument("--width", type=at_least(1), metavar="N", help="columns to fill (default: the terminal's)")
    parser.add_argument("--colour", choices=("auto", "always", "never"), default="auto", help="default: on a terminal")
    options = parser.parse_args(argv)
    try:
        schedule = decode(options.schedule)
    except ValueError as error:
        print(f"tidegate replay: {error}", file=sys.stderr)
        return 2
    if schedule.program not in BY_NAME:
        print(f"tidegate replay: no configuration {schedule.program!r}; tidegate explore --list names them", file=sys.stderr)
        return 2
    if schedule.version != this_version():
        print(f"tidegate replay: this schedule is for Python {schedule.version}, this is {this_version()}", file=sys.stderr)
        return 2
    try:
        found = replay(program_of(BY_NAME[schedule.program], subject_of(parser, options.subject)), schedule.steps)
    except Diverged as error:
        print(f"tidegate replay: the schedule does not fit this implementation: {error}", file=sys.stderr)
        return 2
    except WaitsInEarnest as error:
        print(f"tidegate replay: UNKNOWN: {error}", file=sys.stderr)
        return 3
    terminal = sys.stdout.isatty()
    width = options.width or (os.get_terminal_size().columns if terminal else 132)
    print(
        show(found, width, options.colour == "always" or (options.colour == "auto" and terminal and "NO_COLOR" not in os.environ))
    )
    print()
    print(found.fault or "no fault")
    return 1 if found.fault else 0
