"""What the gate runs: the groups of checks, a check as the gate sees it from outside, and its answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tidegate_specs.builds import FREE_THREADED
from tidegate_specs.check import Profile, Verdict
from tidegate_specs.conformance.adapter import Expected
from tidegate_specs.conformance.levels import Cause, cause_of


@dataclass(frozen=True, slots=True)
class Group:
    """Name a module with CHECKS, which run in a child process of their own.

    The checks name it: `Check.group` is its name, and `Check.name` begins with it. noun: what several of its checks are called
    together ("12 scenarios"). alone: its checks measure time, so it runs after the others, with no group beside it. divisible: no
    check builds on another, so a second process may take a share of a long group. kernel: it is about the kernel's own source, its
    adapters or the specification, and has nothing to say of somebody else's intake.
    """

    name: str
    module: str
    noun: str = ""
    alone: bool = False
    divisible: bool = False
    kernel: bool = False


_WITHOUT_GIL = (Group("parallel", "tidegate_specs.parallel", "parallel stresses", alone=True),) if FREE_THREADED else ()
# The one list of all groups, in the order in which they are started: those that take longest first, those that run alone last.
GROUPS: tuple[Group, ...] = (
    Group("mutants", "tidegate_specs.mutation", "mutant checks", kernel=True),
    Group("explore", "tidegate_specs.explore", "configurations", divisible=True, kernel=True),
    Group("prove", "tidegate_specs.prove", "families of obligations", kernel=True),
    Group("contracts", "tidegate_specs.contracts", "families of contracts", divisible=True, kernel=True),
    Group("stateful", "tidegate_specs.stateful", "state machines"),
    Group("sizes", "tidegate_specs.sizes", "checks of sizes", divisible=True),
    Group("scenarios", "tidegate_specs.scenarios", "scenarios", divisible=True),
    Group("walk", "tidegate_specs.walk", "walks", kernel=True),
    Group("adapters", "tidegate_specs.adapters", "adapter checks", divisible=True, kernel=True),
    Group("policies", "tidegate_specs.policies", "policy checks", divisible=True, kernel=True),
    Group("audit", "tidegate_specs.audit", "audits", kernel=True),
    Group("correspondence", "tidegate_specs.correspondence", "correspondences", kernel=True),
    Group("sweeps", "tidegate_specs.sweeps", "sweeps", divisible=True),
    Group("host", "tidegate_specs.host", "host processes", divisible=True, kernel=True),
    *_WITHOUT_GIL,
    Group("overload", "tidegate_stress.overload", "measurements", alone=True),
)
# What is asked of somebody else's intake only; of the kernel, `explore` says more.
FOREIGN_GROUPS: tuple[Group, ...] = (
    Group("schedules", "tidegate_specs.conformance.schedules", "sets of schedules"),
    Group("limiters", "tidegate_specs.conformance.limits", "checks of limiters"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """Tell which implementation is judged, and how hard to look.

    subject: a module, or an intake as "package.module:adapter". path: folders in which it is looked for first.
    """

    subject: str = "tidegate"
    profile: Profile = "quick"
    seed: int = 0
    path: tuple[str, ...] = ()

    @property
    def is_intake(self) -> bool:
        """Tell whether the subject is somebody's intake behind an adapter."""
        return ":" in self.subject


@dataclass(frozen=True, slots=True)
class Planned:
    """Describe a check without its function, as the child process that has it told."""

    name: str
    group: Group
    tool: str
    clauses: tuple[str, ...]
    shows: str
    shows_not: str
    limit_s: tuple[float, float]
    deep: bool = False
    share: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def cause(self) -> Cause:
        """Tell by what it disturbs what is judged."""
        return cause_of(self.name, self.clauses)

    def limit_in(self, profile: Profile) -> float:
        """Give the time in seconds after which the check's verdict is UNKNOWN."""
        return self.limit_s[0] if profile == "quick" else self.limit_s[1]


@dataclass(frozen=True, slots=True)
class Answer:
    """Give a check's verdict with its evidence, as in `tidegate_specs.check.Result`, and the time it took."""

    check: Planned
    verdict: Verdict
    evidence: str
    witness: str = ""
    blames: tuple[str, ...] = ()
    seconds: float = 0.0
    cleared: tuple[str, ...] = ()
    witnesses: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def accused(self) -> tuple[str, ...]:
        """Name the clauses that it found broken."""
        return (self.blames or self.check.clauses) if self.verdict is Verdict.ILLEGAL else ()

    def witness_of(self, id_: str) -> str:
        """Give what shows that a clause is broken, or why it has no answer on it; nothing where it is about other clauses."""
        if self.verdict is Verdict.ILLEGAL and id_ not in self.accused:
            return ""
        return self.witnesses.get(id_, self.witness)

    def accounts(self, ids: Iterable[str]) -> list[tuple[list[str], str]]:
        """Give each witness that there is on these clauses once, after the clauses that it is of."""
        found: dict[str, list[str]] = {}
        for id_ in ids:
            if self.verdict is not Verdict.ILLEGAL or id_ in self.accused:
                found.setdefault(self.witness_of(id_), []).append(id_)
        return [(of, witness) for witness, of in found.items()]


@dataclass(frozen=True, slots=True)
class Inapplicable:
    """Tell of a check which clauses it would bear on, and what the subject does not declare of what it needs."""

    name: str
    clauses: tuple[str, ...]
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class About:
    """Tell of an intake behind an adapter what it is, and which clauses it is expected to break. native: it is written in C."""

    title: str = ""
    version: str = ""
    capabilities: tuple[str, ...] = ()
    expected: Mapping[str, Expected] = field(default_factory=dict[str, Expected])
    native: bool = False


FailureKind = Literal["absent", "import", "subject", "optimised", "defect", "crash", "limit"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Tell why a group's checks could not even be listed."""

    group: Group
    kind: FailureKind
    message: str

    def sentence(self) -> str:
        """Say it in one line."""
        match self.kind:
            case "absent":
                return f"group {self.group.name} is not installed"
            case "defect":
                return f"group {self.group.name} is not sound: {self.message}"
            case "limit":
                return f"group {self.group.name} could not be loaded: {self.message}"
            case _:
                return f"group {self.group.name} could not be loaded"

    def answer(self, clauses: tuple[str, ...]) -> Answer:
        """Stand in for the group's checks: which clauses they bear on is not known, so it may be any."""
        check = Planned(
            name=self.group.name,
            group=self.group,
            tool="import",
            clauses=clauses,
            shows="",
            shows_not="",
            limit_s=(0.0, 0.0),
        )
        return Answer(check, Verdict.UNKNOWN, self.sentence(), self.message)
