"""The command line: `tidegate COMMAND`. Each command is the `main` of a module, imported only when it is asked for."""

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from tidegate import __version__

from .extras import advice, extra_of


@dataclass(frozen=True, slots=True)
class _Command:
    module: str
    summary: str


_COMMANDS: Mapping[str, _Command] = {
    "verify": _Command("tidegate_stress.verify", "judge the kernel by its contract, clause by clause"),
    "vendor": _Command("tidegate_stress.vendor", "copy the kernel into your own package, with a manifest; renew such a copy"),
    "spec": _Command("tidegate_stress.spec", "the specification as a document: for a terminal, as a page, in TLA+"),
    "prove": _Command("tidegate_specs.prove", "prove the specification for every capacity and any number of threads"),
    "walk": _Command("tidegate_specs.walk", "visit every state of the specification for small capacities"),
    "mutants": _Command("tidegate_specs.mutation", "judge deliberately broken kernels and print which check kills which"),
    "explore": _Command("tidegate_specs.explore.command", "run the kernel's bytecode under every schedule of a configuration"),
    "replay": _Command("tidegate_specs.explore.replay", "show one schedule as columns of source lines, one for each thread"),
    "peers": _Command("tidegate_stress.peers", "judge the queues that people use today, clause by clause"),
    "bench": _Command("tidegate_stress.bench", "compare the cost of each operation with other queues, as ratios"),
    "web": _Command("tidegate_stress.web.command", "put real web servers under overload, with and without the middleware"),
    "stress": _Command("tidegate_stress.lab.command", "put the intake and its peers under real overload, with real threads"),
}

_EPILOG = """\
examples:
  tidegate verify                   judge every clause, in about two minutes on 2 cores
  tidegate verify --profile full    look harder, in about a quarter of an hour on 2 cores
  tidegate spec --clause BOUND-1    what a clause says, and what it rests on
  tidegate COMMAND --help           the options of a command

exit codes:
  0  OK, or done
  1  ILLEGAL: a promise was found broken
  2  bad usage, or something that the command needs is not installed
  3  UNKNOWN: no answer, or interrupted before there was one
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        _write_anything(stream)
    try:
        return _run(words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        print("tidegate: interrupted", file=sys.stderr)
        return 3
    except BrokenPipeError:
        # Nobody reads on. What the interpreter would still flush on its way out goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3


def _run(words: Sequence[str]) -> int:
    if not words or words[0] not in _COMMANDS:
        return _refuse(words)
    name, *rest = words
    module = _COMMANDS[name].module
    try:
        return int(importlib.import_module(module).main(rest))
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing == module:
            print(f"tidegate {name}: {module} is not part of this installation", file=sys.stderr)
        elif extra := extra_of(missing):
            print(f"{advice(f'tidegate {name}', extra)} (there is no {missing})", file=sys.stderr)
        else:
            raise
        return 2


def _refuse(words: Sequence[str]) -> int:
    """Answer --help and --version; say what is wrong with anything else."""
    parser = argparse.ArgumentParser(
        prog="tidegate",
        description="A bounded intake that refuses at the door, with the gate that judges it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tidegate {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in _COMMANDS.items():
        commands.add_parser(name, help=command.summary, add_help=False)
    parser.parse_args(words)
    return 2


def _write_anything(stream: TextIO) -> None:
    """Have characters that the terminal's encoding lacks written as escapes, instead of raising."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
