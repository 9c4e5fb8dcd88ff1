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
import contextlib
import enum
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, cast, final

from . import adapters, mutants, policies, runner
from .adapters.support import GROUP
from .builds import OPTIONS
from .check import EXIT_CODES, Check, Profile, Result, Settings, Subject, Verdict, load_subject
from .mutants import Patch
from .options import at_least
from .policies.support import GROUP as POLICIES
from .progress import awaited
from .progress import progress as tell

KERNEL: Final = "tidegate"
PREFIX: Final = "tidegate_mutant_"
CONTROL: Final = "none"  # the kernel itself, loaded as the mutants are, without a patch
GROUPS: Final[Mapping[str, str]] = {  # whose checks are run on mutants, by module
    "audit": "tidegate_specs.audit",
    "contracts": "tidegate_specs.contracts",
    "stateful": "tidegate_specs.stateful",
    "sizes": "tidegate_specs.sizes",
    "scenarios": "tidegate_specs.scenarios",
    "sweeps": "tidegate_specs.sweeps",
    "host": "tidegate_specs.host",
    "explore": "tidegate_specs.explore",
    "stress": "tidegate_specs.plain_stress",
}
NAMED_ONLY: Final = (
    "contracts",
    "stateful",
    "sizes",
    "sweeps",
    "host",
    "explore",
    "overload",
)  # take too long for every mutant: run on those that name one of their checks
STRESS: Final = "stress"  # run on the race mutants in profile full, for ten seconds; none has to die of it
RACES: Final = ("explore", STRESS)  # the groups that have a table of their own
# Whose checks name a hang themselves, in more time than they take on the kernel.
FINDS_HANGS: Final = ("host", "sizes", "sweeps", *RACES)
CHILDREN: Final = 2
HANG_FACTOR: Final = 4.0  # a check that takes this many times what it takes on the kernel hangs
HANG_FLOOR_S: Final = 3.0
START_LIMIT_S: Final = 60.0
WIDTH: Final = 132


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


class StaleMutant(Exception):
    """Raised when a mutant no longer fits the kernel's source, or says too little about itself."""


@final
@dataclass(frozen=True, slots=True)
class Mutant:
    """Describe one mutant.

    what: the fault in a paragraph. killed_by: groups, or names of checks, that must kill it, the one that profile quick runs first.
    within: for a race, the most schedules that a check of the explorer may need.
    """

    name: str
    what: str
    breaks: tuple[str, ...]
    killed_by: tuple[str, ...]
    patches: tuple[Patch, ...]
    within: Mapping[str, int] = field(default_factory=dict[str, int])

    def named(self, group: str) -> tuple[str, ...] | None:
        """Give the checks of a group that must kill it: none in particular if empty, none at all if None."""
        named = [entry for entry in self.killed_by if entry.partition(".")[0] == group]
        return tuple(entry for entry in named if "." in entry) if named else None


def mutant_names(package: types.ModuleType = mutants) -> tuple[str, ...]:
    """List the names of the kernel's mutants, or of those in another package."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(package.__path__)))


def describe(name: str) -> Mutant:
    """Read the file of one mutant, of the kernel or of an adapter. Raises StaleMutant if its docstring and its data disagree."""
    if name == CONTROL:
        return Mutant(CONTROL, "The kernel itself.", (), (), ())
    package = next((package for package in (mutants, adapters.mutants, policies.mutants) if name in mutant_names(package)), None)
    if package is None:
        raise StaleMutant(f"there is no mutant named {name}")
    module: Any = importlib.import_module(f"{package.__name__}.{name}")
    text = module.__doc__ or ""
    breaks: tuple[str, ...] = module.BREAKS
    killed_by: tuple[str, ...] = module.KILLED_BY
    within: dict[str, int] = getattr(module, "WITHIN", {})
    lines = [f"Breaks: {', '.join(breaks)}", f"Killed by: {', '.join(killed_by)}"]
    if within:
        lines.append(f"Within: {', '.join(f'{most} schedules of {check}' for check, most in within.items())}")
    for line in lines:
        if line not in text.splitlines():
            raise StaleMutant(f"mutant {name}: its docstring lacks the line {line!r}")
    what = " ".join(text.partition("\n\nBreaks:")[0].split())
    return Mutant(name, what, breaks, killed_by, tuple(module.PATCHES), within)


def kernel_dir() -> Path:
    """Find the installed kernel's folder without importing it."""
    spec = importlib.util.find_spec(KERNEL)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{KERNEL} is not installed", name=KERNEL)
    return Path(spec.submodule_search_locations[0])


def patched_sources(patches: Iterable[Patch], source_dir: Path | None = None, name: str = "") -> dict[str, str]:
    """Copy the kernel's sources in memory and apply patches. Each `old` must occur exactly once, else StaleMutant."""
    folder = kernel_dir() if source_dir is None else source_dir
    sources = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.py"))}
    if "__init__.py" not in sources:
        raise StaleMutant(f"mutant {name}: {folder} holds no package")
    for patch in patches:
        occurrences = sources.get(patch.file, "").count(patch.old)
        if occurrences != 1:
            raise StaleMutant(f"mutant {name}: its old text is in {patch.file} {occurrences} times, not once:\n{patch.old}")
        sources[patch.file] = sources[patch.file].replace(patch.old, patch.new)
    return sources


@final
class MemoryFinder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Find and load one package whose sources are in memory. Code objects name a file that contains the package's name."""

    def __init__(self, package: str, sources: Mapping[str, str]) -> None:
        self.package = package
        self.files = {self._module(file): (file, source) for file, source in sources.items()}

    def _module(self, file: str) -> str:
        return ".".join([self.package, *file.removesuffix(".py").split("/")]).removesuffix(".__init__")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.files:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=self.filename(fullname), is_package=self.is_package(fullname))
        spec.has_location = True
        return spec

    def filename(self, fullname: str) -> str:
        return f"<mutant>/{self.package}/{self.files[fullname][0]}"

    def is_package(self, fullname: str) -> bool:
        return self.files[fullname][0].endswith("__init__.py")

    def get_source(self, fullname: str) -> str:
        return self.files[fullname][1]

    def get_code(self, fullname: str) -> types.CodeType:
        return compile(self.get_source(fullname), self.filename(fullname), "exec", dont_inherit=True)


def load_patched(patches: Iterable[Patch], name: str, source_dir: Path | None = None) -> Subject:
    """Import a patched copy of the kernel as `tidegate_mutant_NAME`, anew each time."""
    package = PREFIX + name
    sources = patched_sources(patches, source_dir, name)
    unload(package)
    sys.meta_path.insert(0, MemoryFinder(package, sources))
    try:
        return load_subject(package)
    except BaseException:
        unload(package)
        raise


def load_mutant(name: str, source_dir: Path | None = None) -> Subject:
    """Import one mutant of the installed kernel, or of the one in `source_dir`."""
    return load_patched(describe(name).patches, name, source_dir)


def unload(package: str) -> None:
    """Forget a package that `load_patched` imported."""
    for finder in [finder for finder in sys.meta_path if isinstance(finder, MemoryFinder) and finder.package == package]:
        sys.meta_path.remove(finder)
    for module in [module for module in sys.modules if module == package or module.startswith(package + ".")]:
        del sys.modules[module]


def subject_from(spec: str) -> Subject:
    """Give the implementation that a text names: a module ("tidegate", "package.module"), or a mutant ("mutant:lifo")."""
    kind, colon, name = spec.partition(":")
    return load_mutant(name) if colon and kind == "mutant" else load_subject(spec)


# The kill matrix


class Fate(enum.Enum):
    """Tell what a group of checks did to a mutant."""

    KILLED = "K"
    SURVIVES = "survives"
    UNKNOWN = "unknown"
    NOT_RUN = "-"


@final
@dataclass(frozen=True, slots=True)
class Cell:
    """Give the fate of one mutant under one group.

    by: the check that killed it, or that was not able to say; note: how. effort: how many schedules or rounds the last check took.
    """

    fate: Fate
    by: str = ""
    note: str = ""
    effort: int = 0
    seconds: float = 0.0
    times_s: Mapping[str, float] = field(default_factory=dict[str, float])  # of each check that was OK

    def __str__(self) -> str:
        group, _, detail = self.by.partition(".")
        if group == STRESS and self.fate is Fate.KILLED:
            return f"{self.fate.value} after {self.effort:,} rounds"
        how = f" ({self.note})" if self.note == "hung" else f" ({self.effort:,})" if group in RACES and self.effort else ""
        return " ".join(part for part in (self.fate.value, detail + how) if part)


NOT_RUN: Final = Cell(Fate.NOT_RUN)


@final
@dataclass(frozen=True, slots=True)
class Matrix:
    """Hold the outcome: the fate of each mutant (a row) under each group (a column), and how the kernel itself fared."""

    rows: tuple[Mutant, ...]
    groups: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    control: Mapping[str, Cell]
    seconds: float

    def cell(self, mutant: Mutant, group: str) -> Cell:
        return self.cells.get((mutant.name, group), NOT_RUN)

    @property
    def survivors(self) -> tuple[str, ...]:
        """Name each mutant that no group killed, and each pair of mutant and group where a named check let it live."""
        found: list[str] = []
        for mutant in self.rows:
            ran = {group: self.cell(mutant, group) for group in self.groups}
            ran = {group: cell for group, cell in ran.items() if cell.fate is not Fate.NOT_RUN}
            if ran and all(cell.fate is Fate.SURVIVES for cell in ran.values()):
                found.append(f"{mutant.name}: no check kills it")
                continue
            for group, cell in ran.items():
                named = mutant.named(group)
                most = mutant.within.get(cell.by)
                if cell.fate is Fate.SURVIVES and named is not None:
                    found.append(f"{mutant.name}: {group} must kill it and does not")
                elif cell.fate is Fate.KILLED and most is not None and cell.effort > most:
                    found.append(f"{mutant.name}: {cell.by} must kill it within {most:,} schedules, and took {cell.effort:,}")
                elif cell.fate is Fate.KILLED and named and cell.by not in named:
                    found.append(f"{mutant.name}: {' or '.join(named)} must kill it, and only {cell.by} does")
        return tuple(found)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Name what is missing to a verdict: a check that the kernel does not pass, a mutant that was not judged."""
        found = [
            f"the kernel itself under {group}: {cell} {cell.note}".rstrip()
            for group, cell in self.control.items()
            if cell.fate is not Fate.SURVIVES
        ]
        for mutant in self.rows:
            ran = [(group, self.cell(mutant, group)) for group in self.groups]
            if all(cell.fate in (Fate.NOT_RUN, Fate.UNKNOWN) for _, cell in ran):
                notes = "; ".join(f"{group}: {cell} {cell.note}" for group, cell in ran if cell.fate is Fate.UNKNOWN)
                found.append(f"{mutant.name}: not judged {notes}".rstrip())
                continue
            found += [
                f"{mutant.name}: {group} must kill it, and could not say: {cell.by} {cell.note}"
                for group, cell in ran
                if cell.fate is Fate.UNKNOWN and mutant.named(group) is not None
            ]
        return tuple(found)

    @property
    def killed(self) -> int:
        return sum(any(self.cell(mutant, group).fate is Fate.KILLED for group in self.groups) for mutant in self.rows)


def _is_there(module: str) -> bool:
    """Tell whether a module can be found; importing it may still fail."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def discover_groups() -> dict[str, str]:
    """Give the groups whose modules are here, by module name."""
    return {group: module for group, module in GROUPS.items() if importlib.util.find_spec(module) is not None}


class _Stopped(Exception):
    """Raised where a process would be started after the end."""


@final
class _Children:
    """Hold the processes that run now. After the end there are none, and none can be started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[_Child] = set()
        self._ended = False

    def start(self, child: "_Child") -> None:
        with self._lock:
            if self._ended:
                raise _Stopped
            child.start()
            self._running.add(child)

    def end(self, child: "_Child") -> None:
        with self._lock:
            self._running.discard(child)
        child.end()

    def end_all(self) -> None:
        """Kill them all. Whoever waits for one hears that it has ended."""
        with self._lock:
            self._ended = True
            for child in self._running:
                child.kill()


@final
class _Child:
    """Run checks of one module on one mutant in a process of its own, which dies with this one."""

    def __init__(self, job: "_Job", children: _Children) -> None:
        self._children = children
        self.command = [
            sys.executable,
            *OPTIONS,
            "-m",
            "tidegate_specs.mutation",
            "--run",
            job.mutant.name,
            job.group,
            "--module",
            job.module,
        ]
        self.command += ["--profile", job.profile, "--seed", str(job.seed)]
        self.command += [] if job.source_dir is None else ["--source", str(job.source_dir)]

    def __enter__(self) -> Self:
        self._children.start(self)
        return self

    def __exit__(self, *error: object) -> None:
        self._children.end(self)

    def start(self) -> None:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        self.buffer = b""

    def restart(self) -> None:
        self._children.end(self)
        self._children.start(self)

    def ask(self, check: str) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it crashed: the next event says so
            self.process.stdin.write(check.encode() + b"\n")
            self.process.stdin.flush()

    def event(self, kind: str, limit_s: float) -> dict[str, Any]:
        """Wait for an event of one kind. {"event": "hung"} at the limit, {"event": "crashed"} if the process ends."""
        assert self.process.stdout is not None
        deadline_s = time.monotonic() + limit_s
        descriptor = self.process.stdout.fileno()
        while True:
            line, newline, rest = self.buffer.partition(b"\n")
            if newline:
                self.buffer = rest
                event = cast(dict[str, Any], json.loads(line))
                if event["event"] in (kind, "failed"):
                    return event
                continue
            readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline_s - time.monotonic()))
            if not readable:
                return {"event": "hung"}
            data = os.read(descriptor, 65536)
            if not data:
                return {"event": "crashed", "message": f"the process ended: {self.last_words()}"}
            self.buffer += data

    def last_words(self) -> str:
        self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode("utf-8", "replace").strip().splitlines()
        return f"status {self.process.returncode} {lines[-1] if lines else ''}".rstrip()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        self.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


@final
@dataclass(frozen=True, slots=True)
class _Job:
    """One cell to fill. only: the checks to run, in this order, all if empty; first: those to run before the others."""

    mutant: Mutant
    group: str
    module: str
    profile: Profile
    seed: int
    source_dir: Path | None
    first: tuple[str, ...] = ()
    only: bool = False

    def run(self, times_s: Mapping[str, float] | None, children: _Children) -> Cell:
        """Run it, up to the first ILLEGAL.

        times_s: what each check that the kernel passes takes on it; None for the kernel itself. A check that the kernel itself
        does not pass is not asked: it would kill everything.
        """
        started_s = time.monotonic()
        taken_s: dict[str, float] = {}
        with _Child(self, children) as child:
            fate, by, note, effort = self._judge(child, times_s, taken_s)
        return Cell(fate, by, note, effort, time.monotonic() - started_s, taken_s)

    def _judge(self, child: _Child, times_s: Mapping[str, float] | None, taken_s: dict[str, float]) -> tuple[Fate, str, str, int]:
        ready = child.event("ready", START_LIMIT_S)
        if ready["event"] != "ready":
            return Fate.UNKNOWN, f"{self.group}.load", str(ready.get("message", ready["event"])).strip().splitlines()[-1], 0
        checks = {str(check["name"]): check for check in ready["checks"]}
        missing = [name for name in self.first if name not in checks]
        if missing:
            return Fate.UNKNOWN, missing[0], "there is no such check", 0
        doubt = ("", "")
        effort = 0
        for name in (*self.first, *(() if self.only else (name for name in checks if name not in self.first))):
            limit_s = float(checks[name]["limit_s"][self.profile == "full"])
            if times_s is not None:
                if name not in times_s:
                    doubt = name, "the kernel itself does not pass it"
                    continue
                if self.group not in FINDS_HANGS:
                    limit_s = max(HANG_FLOOR_S, HANG_FACTOR * times_s[name])
            child.ask(name)
            answer = child.event("result", limit_s)
            if answer["event"] == "hung" and times_s is not None and self.group not in FINDS_HANGS:
                child.restart()  # and once more, alone: a busy machine makes a check slow, but not twice
                child.event("ready", START_LIMIT_S)
                child.ask(name)
                answer = child.event("result", limit_s)
                if answer["event"] == "hung":
                    return Fate.KILLED, name, "hung", 0
            if answer["event"] == "hung":
                return Fate.UNKNOWN, name, f"no answer within {limit_s:.0f} s", 0
            if answer["event"] != "result":
                return Fate.UNKNOWN, name, str(answer.get("message", "")), 0
            effort = _leading_number(str(answer["evidence"]))
            if answer["verdict"] == "OK":
                taken_s[name] = float(answer["seconds"])
            elif answer["verdict"] == "ILLEGAL" and times_s is not None:
                return Fate.KILLED, name, str(answer["witness"]), effort
            else:
                doubt = name, (str(answer["witness"]).strip().splitlines() or [""])[-1]
        return (Fate.UNKNOWN if doubt[0] else Fate.SURVIVES), doubt[0], doubt[1], effort


def _leading_number(evidence: str) -> int:
    """Read what a check's evidence begins with, where that is a number: "1,021 schedules", "37 rounds"."""
    digits = evidence.partition(" ")[0].replace(",", "")
    return int(digits) if digits.isdecimal() else 0


def kill_matrix(
    groups: Mapping[str, str] | None = None,
    profile: Profile = "quick",
    names: Sequence[str] | None = None,
    progress: Callable[[str], None] = tell,
    seed: int = 0,
    source_dir: Path | None = None,
) -> Matrix:
    """Run mutants against groups of checks, each pair in a process of its own, two at a time.

    groups: module by group; all that are here if None (a caller above the specification adds its own). profile: quick runs each
    mutant against the first of its `KILLED_BY` that is here, full against every group (those of `NAMED_ONLY`: the checks that the
    mutant names), and a race against the checks that it names and plain stress. All checks but that one run with their quick
    profile in both. names: the mutants, all if None.
    The kernel itself is run first, on the same checks: it must pass, and what it takes tells when a mutant hangs. In quick it is
    spared the groups of FINDS_HANGS, whose checks need no time to compare with: the gate runs them on it beside this.
    """
    started_s = time.monotonic()
    modules = discover_groups() if groups is None else dict(groups)
    rows = tuple(describe(name) for name in (mutant_names() if names is None else names))
    jobs = [job for mutant in rows for job in _jobs(mutant, modules, profile, seed, source_dir)]
    controls = [
        _Job(describe(CONTROL), group, modules[group], _profile_of(group), seed, source_dir, *_needed(group, jobs))
        for group in modules
        if any(job.group == group for job in jobs) and (profile == "full" or group not in FINDS_HANGS)
    ]
    control: dict[str, Cell] = {}
    children = _Children()

    def run_control(job: _Job) -> Cell:
        return job.run(None, children)

    def run_mutant(job: _Job) -> Cell:
        return job.run(control[job.group].times_s if job.group in control else dict.fromkeys(job.first, 0.0), children)

    cells: dict[tuple[str, str], Cell] = {}
    with ThreadPoolExecutor(CHILDREN) as pool:
        try:
            progress(f"the kernel itself: {len(controls)} groups")
            ends = [pool.submit(run_control, job) for job in controls]
            control.update(zip((job.group for job in controls), map(awaited, ends), strict=True))
            # Where the kernel passes none of a group's checks, they can't tell.
            jobs = [job for job in jobs if job.group not in control or control[job.group].times_s]
            for job, end in [(job, pool.submit(run_mutant, job)) for job in jobs]:
                cells[job.mutant.name, job.group] = cell = awaited(end)
                progress(f"{len(cells)} of {len(jobs)}: {job.mutant.name} under {job.group}: {cell}")
        except BaseException:  # Ctrl-C, for one: nobody waits for what is still running
            pool.shutdown(wait=False, cancel_futures=True)
            children.end_all()
            raise
    return Matrix(rows, tuple(modules), cells, control, time.monotonic() - started_s)


def _jobs(mutant: Mutant, modules: Mapping[str, str], profile: Profile, seed: int, source_dir: Path | None) -> list[_Job]:
    def job(group: str, first: tuple[str, ...], only: bool) -> _Job:
        return _Job(mutant, group, modules[group], _profile_of(group), seed, source_dir, first, only)

    if profile == "full":
        named = {group: mutant.named(group) or () for group in modules}
        if mutant.within:
            return [job(group, named[group], bool(named[group])) for group in modules if named[group] or group == STRESS]
        fit = [group for group in modules if named[group] or group not in (*NAMED_ONLY, STRESS)]
        return [job(group, named[group], group in NAMED_ONLY) for group in fit]
    here = [entry for entry in mutant.killed_by if entry.partition(".")[0] in modules]
    if not here:
        return [job(group, (), False) for group in modules] if not mutant.killed_by else []
    group = here[0].partition(".")[0]
    return [job(group, (here[0],) if "." in here[0] else (), "." in here[0])]


def _profile_of(group: str) -> Profile:
    """Tell how hard the checks of a group look at a mutant: one quick look, but for stress, which is given its ten seconds."""
    return "full" if group == STRESS else "quick"


def _needed(group: str, jobs: Sequence[_Job]) -> tuple[tuple[str, ...], bool]:
    """Give the checks that the kernel must be run on for these jobs, and whether those are all."""
    of_group = [job for job in jobs if job.group == group]
    return tuple(dict.fromkeys(name for job in of_group for name in job.first)), all(job.only for job in of_group)


def render(matrix: Matrix) -> str:
    """Draw the matrix as tables of at most 132 columns: K and the check that killed, or what happened instead."""
    races = [mutant for mutant in matrix.rows if mutant.within]
    lines = _table(matrix, matrix.rows, [group for group in matrix.groups if group not in RACES])
    if races:
        lines += ["", "The races, with the schedules that the explorer took, and the rounds of plain stress:", ""]
        lines += _table(matrix, races, [group for group in matrix.groups if group in RACES])
    lines.append(f"{matrix.killed} of {len(matrix.rows)} mutants killed in {matrix.seconds:.0f} s")
    lines += [f"SURVIVOR {text}" for text in matrix.survivors]
    lines += [f"UNKNOWN  {text}" for text in matrix.doubts]
    return "\n".join(lines)


def _table(matrix: Matrix, mutants: Sequence[Mutant], groups: Sequence[str]) -> list[str]:
    """Draw some rows and columns of a matrix, between a line for the kernel itself and a line of totals."""
    stated = any(mutant.within for mutant in mutants) and "explore" in groups
    names = max([len("(the kernel itself)"), *(len(mutant.name) for mutant in mutants)])
    clauses = max([len("breaks"), *(len(", ".join(mutant.breaks)) for mutant in mutants)])
    columns = [*groups, "stated"] if stated else [*groups]
    table: list[tuple[str, str, list[str]]] = [("mutant", "breaks", columns)]
    table.append(("(the kernel itself)", "", [_control_text(matrix.control.get(group)) for group in groups]))
    for mutant in mutants:
        cells = [str(matrix.cell(mutant, group)) for group in groups]
        table.append((mutant.name, ", ".join(mutant.breaks), [*cells, ", ".join(map(str, mutant.within.values()))][: len(columns)]))
    table.append(("killed", "", [_total(matrix, mutants, group) for group in groups]))
    widths = [max(len(row[2][column]) for row in table if column < len(row[2])) for column in range(len(columns))]
    room = WIDTH - names - clauses - 2 - 2 * len(columns)
    while sum(widths) > room:  # the widest column gives way
        widths[widths.index(max(widths))] -= 1
    lines = [
        "  ".join(
            [name.ljust(names), breaks.ljust(clauses), *(_cut(text, width) for text, width in zip(cells, widths, strict=False))]
        ).rstrip()
        for name, breaks, cells in table
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    lines.insert(-1, lines[1])
    return lines


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "~"


def _control_text(cell: Cell | None) -> str:
    if cell is None:
        return Fate.NOT_RUN.value
    return f"OK {cell.seconds:.1f} s" if cell.fate is Fate.SURVIVES else f"fails {cell.by.partition('.')[2]}"


def _total(matrix: Matrix, mutants: Sequence[Mutant], group: str) -> str:
    fates = [matrix.cell(mutant, group).fate for mutant in mutants]
    return f"{fates.count(Fate.KILLED)} of {len(fates) - fates.count(Fate.NOT_RUN)}"


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


def judge(matrix: Matrix) -> Result:
    """Turn a matrix into a verdict: a survivor is ILLEGAL, a mutant or a kernel that could not be judged is UNKNOWN."""
    ran = sum(cell.fate is not Fate.NOT_RUN for cell in matrix.cells.values())
    groups = len({group for (_, group), cell in matrix.cells.items() if cell.fate is not Fate.NOT_RUN})
    evidence = f"{matrix.killed} of {len(matrix.rows)} mutants killed, {ran} runs over {groups} groups"
    if matrix.survivors:
        broken = {
            clause
            for mutant in matrix.rows
            for clause in mutant.breaks
            if any(s.startswith(mutant.name + ":") for s in matrix.survivors)
        }
        return Result(Verdict.ILLEGAL, evidence, "\n".join((*matrix.survivors, render(matrix))), tuple(sorted(broken)))
    if matrix.doubts:
        return Result(Verdict.UNKNOWN, evidence, "\n".join((*matrix.doubts, render(matrix))))
    return Result(Verdict.OK, evidence)


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run one mutant under one group of checks (names on stdin, see `runner`), or print the kill matrix."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["--operators"]:
        return int(importlib.import_module("tidegate_specs.operators.command").main(words[1:]))
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
    if arguments.adapters:
        package, groups = adapters.mutants, {GROUP: adapters.__name__}
    elif arguments.policies:
        package, groups = policies.mutants, {POLICIES: policies.__name__}
    if arguments.group:
        groups = {name: module or GROUPS.get(name, "") for name, _, module in (entry.partition("=") for entry in arguments.group)}
        for name, module in groups.items():
            if not _is_there(module):
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


if __name__ == "__main__":
    importlib.import_module("tidegate_specs.mutation")  # under its own name, so that there is one set of classes
    status = sys.modules["tidegate_specs.mutation"].main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads that a check left behind must not keep the process
