"""Run the checks of one module in this process, one at a time, for a parent that watches from outside.

    python -m tidegate_specs.runner tidegate_specs.scenarios --profile quick --seed 0

The parent writes the names of checks, one a line, on stdin; this process answers with one JSON object a line on stdout:

    {"event": "ready", "checks": [...],                 once, before anything is run: what the module has for this subject,
     "inapplicable": [...], "subject": {...}}           what it has that needs more than the subject declares, and who that is
    {"event": "failed", "kind": ..., "message": ...}    instead of that: the module or the subject could not be loaded
    {"event": "start", "check": NAME}
    {"event": "progress", "check": NAME, "text": ...}   when the check says so (`tidegate_specs.progress`), at most ten a second
    {"event": "result", "check": NAME, "verdict": ..., "evidence": ..., "witness": ..., "blames": [...],
     "cleared": [...], "witnesses": {...}, "seconds": ...}

It ends when stdin does. A check may write to stdout, fork, hang or crash: the stream of events has a descriptor of its own, only
this process writes to it, and what to make of a hang or a crash is for the parent to say. On SIGABRT the stack of every thread is
written to stderr.
"""

import argparse
import contextlib
import ctypes
import faulthandler
import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from .check import Check, Profile, Result, Settings, Subject, Verdict, capabilities_of, load_subject, names_lacking
from .conformance.adapter import Adapted, load_intake
from .conformance.classes import CLASSES
from .options import at_least
from .progress import listen

_LONGEST_TEXT = 20_000
_SHORTEST_PAUSE_S = 0.1


@dataclass(slots=True)
class _Stream:
    """Write events to the parent, from this process only: a fork of it stays silent."""

    descriptor: int
    owner: int
    check: str = ""
    quiet_until_s: float = 0.0

    def write(self, event: Mapping[str, object]) -> None:
        if os.getpid() != self.owner:
            return
        line = json.dumps(event).encode() + b"\n"
        while line:
            line = line[os.write(self.descriptor, line) :]

    def progress(self, text: str) -> None:
        now_s = time.monotonic()
        if now_s >= self.quiet_until_s:
            self.quiet_until_s = now_s + _SHORTEST_PAUSE_S
            self.write({"event": "progress", "check": self.check, "text": text[:200]})


def main(argv: Sequence[str] | None = None) -> int:
    """Load a module's checks and run those that stdin names. Return 0, or 2 when they could not be loaded."""
    arguments = _parser().parse_args(argv)
    commands, stream = _own_streams()
    faulthandler.enable()
    forgo_core_dump()
    die_with_parent()
    if sys.flags.optimize:
        stream.write(failed("optimised", "assertions are off (-O or PYTHONOPTIMIZE): the checks would judge nothing"))
        return 2
    loaded = load(cast(str, arguments.module), cast(str, arguments.subject))
    if not isinstance(loaded, tuple):
        stream.write(loaded)
        return 2
    subject, every = loaded
    declared = capabilities_of(subject)
    checks = [check for check in map(partial(in_reach, declared), every) if check.needs <= declared and check.clauses]
    kept = {check.name for check in checks}
    stream.write(
        {
            "event": "ready",
            "checks": [describe(check) for check in checks],
            "inapplicable": [
                {"name": check.name, "clauses": list(check.clauses), "lacks": sorted(check.needs - declared)}
                for check in every
                if check.name not in kept
            ],
            "subject": about(subject),
        }
    )
    by_name = {check.name: check for check in checks}
    settings = Settings(profile=cast(Profile, arguments.profile), seed=cast(int, arguments.seed))
    listen(stream.progress)
    with os.fdopen(commands, encoding="utf-8") as names:
        for name in names:
            _run(by_name[name.strip()], subject, settings, stream)
    return 0


def describe(check: Check) -> dict[str, object]:
    """Tell all of a check but its function, as JSON can carry it."""
    return {
        "name": check.name,
        "group": check.group,
        "tool": check.tool,
        "clauses": list(check.clauses),
        "shows": check.shows,
        "shows_not": check.shows_not,
        "limit_s": list(check.limit_s),
        "deep": check.deep,
        "share": dict(check.share),
    }


def in_reach(declared: frozenset[str], check: Check) -> Check:
    """Leave of a check's clauses those that can be judged on an implementation with these capabilities."""
    return replace(check, clauses=tuple(id_ for id_ in check.clauses if id_ not in CLASSES or CLASSES[id_].needs <= declared))


def about(subject: Subject) -> dict[str, object]:
    """Tell of an adapter what it is and what is expected of it, as JSON can carry it; of anything else nothing."""
    if not isinstance(subject, Adapted):
        return {}
    return {
        "title": subject.title,
        "version": subject.version,
        "capabilities": sorted(subject.capabilities),
        "native": subject.native,
        "expected": {id_: [expected.reason, expected.link, expected.by] for id_, expected in subject.expected.items()},
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tidegate_specs.runner", description="Run the checks that stdin names.")
    parser.add_argument("module", help="a module with CHECKS")
    parser.add_argument("--subject", default="tidegate", help="the module under check, its folder, or package.module:adapter")
    parser.add_argument("--profile", choices=("quick", "full"), default="quick")
    parser.add_argument("--seed", type=at_least(0), default=0)
    return parser


def _own_streams() -> tuple[int, _Stream]:
    """Keep stdin and stdout for the parent under other numbers: checks read nothing, and what they print goes to stderr."""
    commands = os.dup(0)
    events = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return commands, _Stream(events, os.getpid())


def forgo_core_dump() -> None:
    """Leave no core file behind: a check may end its process on purpose."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent is killed: a check that hangs would otherwise run on for ever."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(set_parent_death_signal, int(signal.SIGKILL), 0, 0, 0)


def load(module_name: str, subject_name: str) -> tuple[Subject, tuple[Check, ...]] | dict[str, object]:
    """Import a module and a subject; give that and the checks that the module has for it, or the event that says why not."""
    try:
        module = importlib.import_module(module_name)
        checks: tuple[Check, ...] = tuple(module.CHECKS)
    except ModuleNotFoundError as error:
        absent = error.name is not None and (module_name == error.name or module_name.startswith(error.name + "."))
        return failed("absent" if absent else "import", str(error))
    except BaseException:  # noqa: BLE001 - whatever stops the import is the answer
        return failed("import", traceback.format_exc())
    try:
        subject: Subject = load_intake(subject_name) if ":" in subject_name else load_subject(subject_name)
    except BaseException as error:  # noqa: BLE001 - likewise
        return failed("subject", f"cannot import {subject_name}: {type(error).__name__}: {error}")
    if lacking := names_lacking(subject):
        return failed("subject", f"{subject_name} has no {', '.join(lacking)}")
    applies_to = getattr(module, "applies_to", _always)
    return subject, tuple(check for check in checks if applies_to(check, subject))


def _always(_check: Check, _subject: Subject) -> bool:
    """Stand where a module does not say which subjects its checks are for."""
    return True


def failed(kind: str, message: str) -> dict[str, object]:
    """Make the event that stands for the checks of a module that can't be run."""
    return {"event": "failed", "kind": kind, "message": message[-_LONGEST_TEXT:]}


def _run(check: Check, subject: Subject, settings: Settings, stream: _Stream) -> None:
    stream.check = check.name
    stream.quiet_until_s = 0.0
    stream.write({"event": "start", "check": check.name})
    started_s = time.monotonic()
    try:
        answer: Any = check.run(subject, settings)
    except BaseException:  # noqa: BLE001 - a check that raises, even SystemExit, has an answer: UNKNOWN
        answer = Result(Verdict.UNKNOWN, "the check itself raised", traceback.format_exc())
    if os.getpid() != stream.owner:
        # A fork made by the check came back from it. Only the process that was asked may answer.
        os._exit(70)
    seconds = time.monotonic() - started_s
    if not isinstance(answer, Result):
        answer = Result(Verdict.UNKNOWN, "the check gave no result", f"{check.name} returned {type(answer).__name__}")
    stream.write(
        {
            "event": "result",
            "check": check.name,
            "verdict": answer.verdict.value,
            "evidence": answer.evidence,
            "witness": answer.witness[:_LONGEST_TEXT],
            "blames": list(answer.blames),
            "cleared": list(answer.cleared),
            "witnesses": {id_: witness[:_LONGEST_TEXT] for id_, witness in answer.witnesses.items()},
            "seconds": round(seconds, 3),
        }
    )


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that a check left behind must not keep the process.
    os._exit(status)
