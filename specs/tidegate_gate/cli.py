"""The command line: `tidegate COMMAND`. Each command is the `main` of a module, imported only when it is asked for."""

import argparse
import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO, cast

from tidegate import __version__
from tidegate_specs.extras import advice, extra_of


@dataclass(frozen=True, slots=True)
class _Command:
    module: str
    summary: str


_GROUPS: Mapping[str, Mapping[str, _Command]] = {
    "use it": {
        "vendor": _Command("tidegate_gate.vendor", "copy the kernel into your own package; renew such a copy"),
        "size": _Command("tidegate_stress.size.command", "how large for your service: from a probe of it, or its access log"),
    },
    "judge it": {
        "verify": _Command("tidegate_gate.verify", "judge the kernel, a copy or your own queue, clause by clause"),
        "explore": _Command("tidegate_specs.explore.command", "run every schedule of small configurations, or of your own program"),
        "replay": _Command("tidegate_specs.explore.replay", "show one schedule, a column of source lines for each thread"),
        "prove": _Command("tidegate_specs.prove.command", "prove the specification for every capacity"),
        "walk": _Command("tidegate_specs.walk", "visit every state of the specification for small capacities"),
        "mutants": _Command("tidegate_specs.mutation", "judge kernels that are broken on purpose"),
        "peers": _Command("tidegate_gate.peers", "judge the queues that people use today"),
    },
    "study it": {
        "spec": _Command("tidegate_gate.spec", "read or cite the specification: in a terminal, as a page, in TLA+"),
        "bench": _Command("tidegate_stress.bench", "compare speed and memory with other queues, as ratios"),
        "stress": _Command("tidegate_stress.lab.command", "put the intake and its peers under real overload"),
        "freshness": _Command("tidegate_stress.freshness.command", "goodput where slots are too many or a service became slower"),
        "simulate": _Command("tidegate_stress.simulator.command", "limits that find themselves, in virtual time, beside others"),
        "web": _Command("tidegate_stress.web.command", "put real web servers under overload, with and without the middleware"),
    },
}
_COMMANDS: Mapping[str, _Command] = {name: command for group in _GROUPS.values() for name, command in group.items()}

_WAYS = """\
tidegate: a bounded intake that refuses at the door, with the gate that judges it.

  copy it    tidegate vendor src/myapp/_gate               the checked kernel, in your own package
  judge it   tidegate verify                               the kernel, clause by clause, in two to three minutes
             tidegate verify --vendored src/myapp/_gate    your copy of it
             tidegate verify --intake my.module:MyQueue    a queue of your own
  cite it    tidegate spec --clause BOUND-1                what is promised, what it rests on, what is not claimed

tidegate --help lists all commands.
"""

_EPILOG = """\
examples:
  tidegate verify                   judge every clause, in two to three minutes on 2 cores
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
    if closed := _closed_streams():
        return closed
    for stream in (sys.stdout, sys.stderr):
        _write_anything(stream)
    try:
        code = _ended(words)
        sys.stdout.flush()  # here, where it can still be told that nothing more can be written
        return code
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        if error.errno != errno.EPIPE:
            _try_to_say(f"tidegate {' '.join(words[:1])}: can't write: {error.strerror}")
        # What the interpreter would still flush on its way out goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3


# Nobody reads on; or the disk behind a stream or a temporary file is full, or broken.
_UNWRITABLE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def _closed_streams() -> int:
    """Refuse to work for nobody, and have what is said on a closed stderr go nowhere. Give the exit code, or 0 to go on."""
    if (err := cast("TextIO | None", sys.stderr)) is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process runs
    if cast("TextIO | None", sys.stdout) is None:
        # The next file that is opened would get its number, and the lines for a reader.
        print("tidegate: standard output is closed", file=err)
        return 2
    return 0


def _try_to_say(sentence: str) -> None:
    with contextlib.suppress(OSError):
        print(sentence, file=sys.stderr, flush=True)


def _ended(words: Sequence[str]) -> int:
    """Run one command; give its exit code, however it ends."""
    try:
        return _run(words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        print("tidegate: interrupted", file=sys.stderr)
        return 3


def _run(words: Sequence[str]) -> int:
    if not words:
        sys.stderr.write(_WAYS)
        return 2
    if words[0] not in _COMMANDS:
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
        usage="tidegate [-h] [--version] COMMAND ...",
        description=f"A bounded intake that refuses at the door, with the gate that judges it.\n\n{_commands_text()}",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tidegate {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, help=argparse.SUPPRESS)
    for name in _COMMANDS:
        commands.add_parser(name, add_help=False)
    parser.parse_args(words)
    return 2


def _commands_text() -> str:
    """List the commands, group by group."""
    return "\n\n".join(
        "\n".join([f"{title}:", *(f"  {name:<9} {command.summary}" for name, command in group.items())])
        for title, group in _GROUPS.items()
    )


def _write_anything(stream: TextIO) -> None:
    """Have characters that the terminal's encoding lacks written as escapes, instead of raising."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
