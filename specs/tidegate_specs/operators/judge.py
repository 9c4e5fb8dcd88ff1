"""Judge a mutant by the checks of the quick gate: the cheapest first, up to the first ILLEGAL.

Each group has a process that imports it and nothing else, as in the gate, and forks for every check: a mutant costs no import.

    {"sources": {FILE: TEXT, ...}, "check": NAME, "limit_s": SECONDS}    asked on stdin, a line each
    {"by": ..., "clauses": [...], "how": ..., "unknown": [...]}              answered on stdout
"""

import contextlib
import importlib
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self, final

from ..builds import OPTIONS
from ..check import Check, Settings, Verdict
from ..mutants import Patch
from ..mutation.patching import kernel_dir, load_patched
from ..runner import describe, die_with_parent
from .generate import core_sources

GROUPS: Final[Mapping[str, str]] = {
    "audit": "tidegate_specs.audit",
    "scenarios": "tidegate_specs.scenarios",
    "stateful": "tidegate_specs.stateful",
    "sizes": "tidegate_specs.sizes",
    "walk": "tidegate_specs.walk",
    "sweeps": "tidegate_specs.sweeps",
    "explore": "tidegate_specs.explore",
}
TESTS: Final = "tests.kernel"
LEFT_OUT: Final = {  # to ask fewer can only leave more alive
    "contracts": "takes long for every survivor",
    "overload": "a measurement: noise must not kill",
    "adapters": "it judges the adapters",
    "correspondence": "it reads the source text of each primitive, and refuses a text that it does not know, whatever that does",
    "prove": "it never looks at the kernel",
    "mutants": "it asks whether the texts of the hand-written mutants fit the source",
    "sweeps.controls": "it never looks at the kernel",
}
HANG_FACTOR: Final = 5.0
HANG_FLOOR_S: Final = 5.0
FINDS_HANGS: Final = ("sweeps", "sizes", "explore")  # whose checks name a hang themselves, in time of their own
MEMORY_BYTES: Final = 8 << 30
IMPORT: Final = "import"
HUNG: Final = "hung"


@final
@dataclass(frozen=True, slots=True)
class Unit:
    """Name a check, and what it takes on the kernel."""

    group: str
    check: str
    own_limit_s: float
    seconds: float = 0.0

    @property
    def limit_s(self) -> float:
        """Give the time after which a mutant hangs."""
        return self.own_limit_s if self.group in FINDS_HANGS else max(HANG_FLOOR_S, HANG_FACTOR * self.seconds)


@final
@dataclass(frozen=True, slots=True)
class Sentence:
    """Say what became of a mutant.

    by: the check that killed it, or "". clauses: those found broken. how: the witness, in a line. unknown: the checks that gave no
    answer before that.
    """

    by: str = ""
    clauses: tuple[str, ...] = ()
    how: str = ""
    unknown: tuple[str, ...] = ()

    @classmethod
    def heard(cls, text: str | bytes) -> Self:
        """Read what was written by `json.dumps(asdict(sentence))`."""
        told: dict[str, Any] = json.loads(text)
        return cls(told["by"], tuple(told["clauses"]), told["how"], tuple(told["unknown"]))


class NotPassed(Exception):
    """Raised when the kernel itself does not pass a check, which then could kill anything."""


@final
class Judges:
    """Hold a process for each group, started when its first check is asked for."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._checks: dict[str, list[dict[str, Any]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        for process in self._processes.values():
            process.kill()
            process.communicate()

    def units(self) -> list[Unit]:
        """List the checks that judge."""
        found: list[Unit] = []
        for group in GROUPS:
            self._process(group)
            found += [
                Unit(group, check["name"], check["limit_s"][0])
                for check in self._checks[group]
                if not check["deep"] and check["name"] not in LEFT_OUT
            ]
        return found

    def measured(self, sources: Mapping[str, str], tell: Callable[[str], None]) -> list[Unit]:
        """Run every check on the kernel as it is, which must pass, and put the cheapest first. NotPassed if it does not."""
        found: list[Unit] = []
        for unit in self.units():
            tell(f"the kernel itself: {unit.check}")
            started_s = time.monotonic()
            sentence = self.ask(sources, unit, unit.own_limit_s)
            if sentence != Sentence():
                raise NotPassed(f"the kernel itself does not pass {unit.check}: {sentence}")
            found.append(replace(unit, seconds=time.monotonic() - started_s))
        return sorted(found, key=lambda unit: unit.seconds)

    def judge(self, sources: Mapping[str, str], by: Sequence[Unit], tests: Path | None = None) -> Sentence:
        """Ask one check after another, then the kernel's own tests, until one finds the mutant to be broken."""
        unknown: list[str] = []
        for unit in by:
            started_s = time.monotonic()
            sentence = self.ask(sources, unit, unit.limit_s)
            if sentence.by and time.monotonic() - started_s >= min(unit.limit_s, HANG_FLOOR_S):
                sentence = self._again(sources, unit)
            unknown += sentence.unknown
            if sentence.by:
                return replace(sentence, unknown=tuple(unknown))
        if tests is not None and (how := _failing_test(sources, tests)):
            return Sentence(TESTS, (), how, tuple(unknown))
        return Sentence(unknown=tuple(unknown))

    def _again(self, sources: Mapping[str, str], unit: Unit) -> Sentence:
        """Ask once more where time may have run out on a busy machine: after the kernel itself, which tells what is slow now."""
        started_s = time.monotonic()
        control = self.ask(core_sources(kernel_dir()), unit, unit.own_limit_s)
        if control != Sentence():
            return Sentence(unknown=(unit.check,))
        return self.ask(sources, unit, replace(unit, seconds=time.monotonic() - started_s).limit_s)

    def ask(self, sources: Mapping[str, str], unit: Unit, limit_s: float) -> Sentence:
        """Have one unit's checks judge a kernel."""
        process = self._process(unit.group)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"sources": dict(sources), "check": unit.check, "limit_s": limit_s}) + "\n")
        process.stdin.flush()
        return Sentence.heard(process.stdout.readline())

    def _process(self, group: str) -> subprocess.Popen[str]:
        if group not in self._processes:
            command = [sys.executable, *OPTIONS, "-P", "-m", __name__, GROUPS[group]]
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,  # Ctrl-C is for the process that asks
                env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            assert process.stdout is not None
            self._processes[group] = process
            self._checks[group] = json.loads(process.stdout.readline())
        return self._processes[group]


def main() -> None:
    """Be the process of a group: tell its checks, then answer what stdin asks."""
    die_with_parent()
    module: Any = importlib.import_module(sys.argv[1])
    checks: dict[str, Check] = {check.name: check for check in module.CHECKS}
    print(json.dumps([describe(check) for check in checks.values()]), flush=True)
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        sentence = _ask(asked["sources"], checks[asked["check"]], asked["limit_s"])
        print(json.dumps(asdict(sentence)), flush=True)


def _ask(sources: Mapping[str, str], check: Check, limit_s: float) -> Sentence:
    """Run a check on a kernel in a fork, which is killed with all that it started."""
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        os.close(readable)
        _answer(sources, check, writable)
    os.close(writable)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(child, child)
    try:
        answer, hung = _heard(readable, limit_s)
    finally:
        os.close(readable)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if answer:
        return Sentence.heard(answer)
    if hung and check.group in FINDS_HANGS:
        return Sentence(unknown=(check.name,))
    return Sentence(check.name, check.clauses, HUNG if hung else f"the process ended: {os.waitstatus_to_exitcode(status)}")


def _heard(descriptor: int, limit_s: float) -> tuple[bytes, bool]:
    """Read until the child closes its end, or has had its time."""
    deadline_s = time.monotonic() + limit_s
    text = b""
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline_s - time.monotonic()))
        if not ready:
            return b"", True
        data = os.read(descriptor, 65536)
        if not data:
            return text, False
        text += data


def _answer(sources: Mapping[str, str], check: Check, descriptor: int) -> None:
    """Be the child: load the kernel, run the check, write the answer, and end without any ceremony."""
    status = 70
    try:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(0, 0)
        die_with_parent()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        owner = os.getpid()
        answer = _run(check, _loaded(sources))
        if os.getpid() == owner:  # else a fork made by the check came back from it
            os.write(descriptor, json.dumps(asdict(answer)).encode())
            status = 0
    finally:
        os._exit(status)


def _loaded(sources: Mapping[str, str]) -> Any:
    """Import a kernel from memory. What is raised by that is the answer to every check."""
    try:
        originals = {file: (kernel_dir() / file).read_text("utf-8") for file in sources}
        return load_patched([Patch(file, originals[file], text) for file, text in sources.items()], "operator")
    except BaseException as error:  # noqa: BLE001 - whatever stops the import is how it was killed
        return error


def _run(check: Check, subject: Any) -> Sentence:
    if isinstance(subject, BaseException):
        return Sentence(IMPORT, (), f"{type(subject).__name__}: {subject}")
    try:
        result = check.run(subject, Settings())
    except BaseException:  # noqa: BLE001 - a check that raises has no answer
        return Sentence(unknown=(check.name,))
    if result.verdict is Verdict.ILLEGAL:
        return Sentence(check.name, result.blames or check.clauses, " ".join(result.witness.split()))
    return Sentence() if result.verdict is Verdict.OK else Sentence(unknown=(check.name,))


def _failing_test(sources: Mapping[str, str], tests: Path) -> str:
    """Run the kernel's own tests on a mutant that lies in a folder for them; name the first that fails, or give ""."""
    passed: list[str] = []  # when run again, alone: on a busy machine a test may run out of time
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "tidegate"
        shutil.copytree(kernel_dir(), package)
        for file, text in sources.items():
            (package / file).write_text(text, "utf-8")
        files = sorted(map(str, tests.glob("test_*.py")), reverse=True)  # first those that look from inside, and take no time
        while failed := _first_failure(folder, tests, [*files, *(f"--deselect={test}" for test in passed)]):
            if failed in passed or _first_failure(folder, tests, [failed]):
                return failed.rpartition("/")[2]
            passed.append(failed)
    return ""


def _first_failure(folder: str, tests: Path, chosen: Sequence[str]) -> str:
    """Run tests on the kernel in a folder; name the first that fails, or give ""."""
    command = [sys.executable, *OPTIONS, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += ["--timeout=60", "--timeout-method=signal", "-Wignore::SyntaxWarning", *chosen]  # which `is` with a number is
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([folder, *sys.path]), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=tests.parents[1])
    failed = [line.partition(" ")[2] for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return (failed[0].partition(" - ")[0] if failed else str(tests)) if done.returncode else ""


if __name__ == "__main__":
    main()
