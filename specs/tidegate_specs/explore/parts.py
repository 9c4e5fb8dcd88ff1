"""A part of an exploration, as another process or machine can run it."""

import hashlib
import importlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import tidegate

from .accesses import Site
from .configurations import BY_NAME
from .explorer import Explorer, sites_of
from .judging import program_of
from .plans import Plan
from .program import FOUND, Limits, Program, Report, limit_of
from .replay import subject_named
from .schedules import this_version
from .source_sets import Node, Request, SourceSets

Choice = tuple[int, int, tuple[int, ...]]  # thread, enabled, clock
State = tuple[int, int, int, int, int, tuple[int, ...]]  # the fields of a `Node`
_ONE_AT_A_TIME: Final = threading.Lock()  # in a worker with several threads: a process has one scheduler


@dataclass(frozen=True, slots=True)
class Whole:
    """Describe what is divided. origin: the code that explores and is explored. points: numbers of code objects, and offsets."""

    subject: str
    configuration: str
    plan: Plan
    origin: str
    points: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Say where to go on, and how many schedules to run at most.

    level: prefixes, the last first; last: preemptions are used up. Reduced: the choices before the subtree, those already made in
    it, and who is asleep at its root.
    """

    whole: Whole
    most: int
    level: tuple[bytes, ...] = ()
    last: bool = False
    path: tuple[Choice, ...] = ()
    stack: tuple[State, ...] = ()
    asleep: int = 0

    @property
    def prefix(self) -> bytes:
        """Give the choices before its first schedule branches off."""
        return self.level[-1] if self.level else bytes([*(choice[0] for choice in self.path), *(state[0] for state in self.stack)])


@dataclass(frozen=True, slots=True)
class Piece:
    """Tell what a part found, what it leaves over, what it puts off, and what it found out about the points before it."""

    report: Report
    level: tuple[bytes, ...] = ()
    later: tuple[bytes, ...] = ()
    stack: tuple[State, ...] = ()
    clock: tuple[int, ...] = ()  # of the last choice before the subtree
    requests: tuple[Request, ...] = ()

    @property
    def runs(self) -> int:
        """Count what a limit counts."""
        return self.report.schedules + self.report.redundant


class OtherOrigin(Exception):
    """Raised by a worker whose code is not that of the search."""


@cache
def origin(subject: str) -> str:
    """Name this interpreter's version, and the code of kernel, specification and subject by a digest."""
    packages = {"tidegate", "tidegate_specs", *([] if subject.startswith("mutant:") else [subject.partition(".")[0]])}
    digest = hashlib.sha256()
    for package in sorted(packages):
        folder = Path(str(importlib.import_module(package).__file__)).parent
        for file in sorted(folder.rglob("*.py")):
            source = file.read_bytes()
            digest.update(f"{package}/{file.relative_to(folder).as_posix()} {len(source)}\n".encode() + source)
    return f"tidegate {tidegate.__version__} ({digest.hexdigest()[:12]}) on Python {this_version()}"


@cache
def program_named(configuration: str, subject: str) -> Program:
    return program_of(BY_NAME[configuration], subject_named(subject))  # once: it remembers histories that it has judged


@contextmanager
def _explorer(whole: Whole) -> Generator[Explorer]:
    if origin(whole.subject) != whole.origin:
        raise OtherOrigin(f"a worker has {origin(whole.subject)}, this is {whole.origin}")
    with _ONE_AT_A_TIME, Explorer(program_named(whole.configuration, whole.subject)) as explorer:
        yield explorer


def learn(whole: Whole) -> tuple[tuple[int, int], ...]:
    """Find the points at which threads are switched. OtherOrigin if this is not the code that is explored."""
    with _explorer(whole) as explorer:
        number = {code: n for n, code in enumerate(explorer.sites.codes)}
        return tuple(sorted((number[code], offset) for code, offset in explorer.learn()))


def run_part(part: Part) -> Piece:
    """Run the schedules of a part. OtherOrigin if this is not the code that is explored."""
    whole = part.whole
    with _explorer(whole) as explorer:
        piece = _reduced(explorer, part) if whole.plan.reduced else _depth_first(explorer, part)
    report = piece.report
    report.sites = report.shared_sites = frozenset()  # code objects stay here
    if report.why_not in (FOUND, limit_of(part.most)):
        report.why_not = ""
    return piece


def sites(whole: Whole) -> frozenset[Site]:
    """Give the points at which threads are switched as opcodes of this process."""
    known = sites_of(program_named(whole.configuration, whole.subject).modules)
    if whole.plan.reduced:
        return known.candidates()
    if whole.plan.grain == "opcode":
        return known.everything()
    return frozenset((known.codes[code], offset) for code, offset in whole.points)


def _depth_first(explorer: Explorer, part: Part) -> Piece:
    plan = part.whole.plan
    report = Report(explorer.program.name, plan.grain, plan.bound, False)
    report.sites = sites(part.whole)
    level = list(part.level)
    later = explorer.part(report, level, part.last, part.most)
    return Piece(report, tuple(level), tuple(later))


def _reduced(explorer: Explorer, part: Part) -> Piece:
    report = Report(explorer.program.name, "access", None, True, sites=explorer.sites.candidates())
    nodes = [node_of((thread, enabled, part.asleep, 0, 0, clock)) for thread, enabled, clock in part.path]
    base = len(nodes)
    search = SourceSets(len(explorer.program.threads), [*nodes, *map(node_of, part.stack)], base)
    explorer.reduced_part(report, search, Limits(part.most))
    clock = tuple(search.nodes[base - 1].clock) if base else ()
    return Piece(report, stack=tuple(map(state_of, search.nodes[base:])), clock=clock, requests=tuple(search.requests))


def node_of(state: State) -> Node:
    node = Node(*state[:3])
    node.done, node.backtrack, node.clock = state[3], state[4], list(state[5])
    return node


def state_of(node: Node) -> State:
    return node.chosen, node.enabled, node.sleep, node.done, node.backtrack, tuple(node.clock)
