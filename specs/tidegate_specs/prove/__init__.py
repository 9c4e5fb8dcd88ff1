"""Prove the specification, for every capacity and any number of threads, with Z3.

    inductive     the invariant is true at first, kept by every action, and implies each clause about states and steps
    history       first in, first out, and exactly once, over sequences of any length
    net           each atomic step of the kernel, by any thread at any point, is an action of the specification or none
    progress      a rank that helpful steps lower: room again, a drain's end; an offer never waits
    latency       the bound of LATENCY-1 in a model whose hypotheses are spelled out
    witness       none of it is about nothing: everything that is proved of happens

The functions proved are those of `machine` and `net`: the code objects themselves run on unknown values (`symbolic`). What links
the net to the kernel is for other checks to show. `mutants` breaks the specification on purpose; each must be refuted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from .. import machine, net
from ..check import Check, Result, Settings, Subject, Verdict
from ..progress import progress
from . import history, inductive, latency, ranking, refines, witnesses
from .mutants import MUTANTS, Mutant
from .obligation import STATE_CLAUSES, STEP_CLAUSES, Finding, Obligation, World, judge, load
from .record import difference, recorded

__all__ = ["CHECKS", "EXPECTED", "FAMILIES", "NOT_PROVED", "Finding", "Obligation", "obligations", "prove", "refute"]

FAMILIES: Final[Mapping[str, Callable[[World], list[Obligation]]]] = {
    "inductive": inductive.build,
    "history": history.build,
    "net": refines.build,
    "progress": ranking.build,
    "latency": latency.build,
    "witness": witnesses.build,
}
EXPECTED: Final[Mapping[str, int]] = Counter(each.family for each in recorded())  # how many, by family
SHOWS: Final = {
    "inductive": "The invariant holds at the start and every step keeps it, and every promise about steps, for every capacity.",
    "history": "Items come out in the order they went in, each exactly once, for histories of any length.",
    "net": "The kernel's atomic steps, with any number of threads at each point, do only what the specification allows.",
    "progress": "While it is full or draining, some step is possible that brings it nearer to the end; an offer never waits.",
    "latency": "How long an item waits at most, for all capacities, workers and service times, in a model.",
    "witness": "Every action and every atomic step can happen, and plain Python gives the same results as the solver.",
}
NOT_PROVED: Final[Mapping[str, str]] = {
    "QUIET-1": "about what the kernel's code calls and writes: audited and observed",
    "MEMORY-1": "about allocated blocks: counted",
    "RESPONSIVE-2": "about time under load: measured",
    "STABLE-1": "about resident memory: measured",
    "FORK-1": "a fork makes a new intake: tried",
    "HOST-1": "it is about a process, which the specification has none of: tried in one",
    "HOST-2": "the same",
    "HOSTILE-1": "about calls on items and bad arguments, which the specification has none of: observed",
}


def obligations(families: Iterable[str] = tuple(FAMILIES), world: World | None = None) -> list[Obligation]:
    """Give the obligations of some families, of the specification or of a changed one."""
    world = world or World()
    return [each for family in families for each in FAMILIES[family](world)]


def prove(families: Iterable[str] = tuple(FAMILIES), tell: Callable[[str], None] = progress) -> list[Finding]:
    """Prove the obligations of some families."""
    world, found = World(), list[Finding]()
    for family in families:
        todo = FAMILIES[family](world)
        for number, each in enumerate(todo):
            if number % 20 == 0:
                tell(f"{family}: {number} of {len(todo)} obligations")
            found.append(judge(each))
    return found


def changed(mutant: Mutant) -> World:
    """Load the specification with a mutant's change. ValueError unless its text occurs exactly once."""
    original: Any = net if mutant.module == "net" else machine
    source = Path(original.__file__).read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        raise ValueError(f"mutant {mutant.name!r}: its text occurs {source.count(mutant.old)} times, not once")
    namespace = load(source.replace(mutant.old, mutant.new), original)
    if mutant.module == "net":
        return World(None, namespace, mutant.refuted_by)
    return World(namespace, None, mutant.refuted_by)


def refute(mutant: Mutant) -> Finding:
    """Judge the obligation that is to refute a mutant, on the changed specification."""
    world = changed(mutant)
    family = mutant.refuted_by.partition(".")[0]
    (obligation,) = [each for each in FAMILIES[family](world) if each.name == mutant.refuted_by]
    return judge(obligation)


def conclude(family: str, findings: Sequence[Finding]) -> Result:
    """Sum up a family. One refuted obligation makes it ILLEGAL; one undecided, or other ones than are recorded, UNKNOWN."""
    good = sum(each.verdict is Verdict.OK for each in findings)
    evidence = f"{good} obligations proved"
    refuted = [each for each in findings if each.verdict is Verdict.ILLEGAL]
    if refuted:
        blames = tuple(dict.fromkeys(clause for each in refuted for clause in each.obligation.clauses))
        return Result(Verdict.ILLEGAL, evidence, "\n\n".join(f"{account(each)}" for each in refuted[:3]), blames)
    undecided = [each for each in findings if each.verdict is Verdict.UNKNOWN]
    unlike = difference(family, [each.obligation for each in findings])
    if undecided or unlike:
        return Result(Verdict.UNKNOWN, evidence, account(undecided[0]) if undecided else unlike)
    return Result(Verdict.OK, evidence)


def account(finding: Finding) -> str:
    """Tell of an obligation that is not proved, with its counterexample."""
    each = finding.obligation
    under = f"\nif {'; '.join(each.hypotheses)}" if each.hypotheses else ""
    return f"{finding.verdict.value} {each.name} [{' '.join(each.clauses)}]: {each.says}{under}\n{finding.account}"


def run_mutants(tell: Callable[[str], None] = progress) -> Result:
    """Refute every mutant of the specification. A survivor is ILLEGAL."""
    survivors: list[str] = []
    undecided: list[str] = []
    for number, mutant in enumerate(MUTANTS):
        tell(f"{number} of {len(MUTANTS)} mutants")
        verdict = refute(mutant).verdict
        if verdict is not Verdict.ILLEGAL:
            (survivors if verdict is Verdict.OK else undecided).append(f"{mutant.name} ({mutant.refuted_by})")
    evidence = f"{len(MUTANTS) - len(survivors) - len(undecided)} mutants of the specification refuted"
    if survivors:
        return Result(Verdict.ILLEGAL, evidence, f"survivors: {', '.join(survivors)}")
    return Result(Verdict.UNKNOWN, evidence, f"undecided: {', '.join(undecided)}") if undecided else Result(Verdict.OK, evidence)


_NOT_THE_KERNEL: Final = "What an implementation does: this is about the specification. Memory, time, forks, and what code calls."
_BEARS: Final[Mapping[str, tuple[str, ...]]] = {
    "inductive": (*STATE_CLAUSES, *STEP_CLAUSES),
    "history": ("LOCAL-1", "NORETRY-1"),
    "net": tuple(dict.fromkeys(each for ids in refines.OPERATIONS.values() for each in (*ids, "BOUND-2"))),
    "progress": ("RECOVER-1", "CLOSE-2", "EXACT-1", "NOWAIT-1", "NOWAIT-2", "REENTRY-1", "RESPONSIVE-1"),
    "latency": ("LATENCY-1", "RECOVER-1"),
    "witness": tuple(dict.fromkeys((*STATE_CLAUSES, *STEP_CLAUSES, "INTERRUPT-1"))),
}


def _check(family: str) -> Check:
    def run(subject: Subject, settings: Settings) -> Result:
        return conclude(family, prove((family,)))

    clauses = tuple(dict.fromkeys(_BEARS[family]))
    return Check(f"prove.{family}", "prove", "z3", clauses, SHOWS[family], _NOT_THE_KERNEL, run)


def _run_mutants(subject: Subject, settings: Settings) -> Result:
    return run_mutants()


CHECKS: Final[tuple[Check, ...]] = (
    *(_check(family) for family in FAMILIES),
    Check(
        "prove.mutants",
        "prove",
        "z3",
        tuple(dict.fromkeys(mutant.breaks for mutant in MUTANTS)),
        "Specifications broken on purpose are refuted, each by the obligation named.",
        "That every possible fault of the specification would be refuted.",
        _run_mutants,
        deep=True,
    ),
)
