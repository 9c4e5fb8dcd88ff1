"""What the document tells, collected from the code: clauses with their evidence, and assumptions."""

import inspect
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import tidegate
from tidegate import _atomic

from ..adapters import mutants as adapter_mutants
from ..clauses import Clause
from ..mutation.patching import Mutant, describe, mutant_names
from ..policies import mutants as policy_mutants
from ..prove import NOT_PROVED
from ..prove.record import Recorded, recorded
from ..registry import ADAPTER_IDS, CLAUSES, POLICY_IDS


class Bearing(Protocol):
    """Name what is told of a check: as in `check.Check`, or as another process tells it."""

    @property
    def name(self) -> str: ...
    @property
    def tool(self) -> str: ...
    @property
    def clauses(self) -> tuple[str, ...]: ...
    @property
    def shows(self) -> str: ...
    @property
    def shows_not(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Describe one clause with all that bears on it. not_proved: why no proof obligation applies, empty if one does."""

    clause: Clause
    sources: tuple[str, ...]
    obligations: tuple[Recorded, ...]
    not_proved: str
    checks: tuple[Bearing, ...]
    mutants: tuple[Mutant, ...]

    @property
    def families(self) -> Mapping[str, int]:
        """Count the obligations by family."""
        return Counter(each.family for each in self.obligations)

    @property
    def proof(self) -> str:
        """Tell the clause's standing with the prover in one line."""
        if not self.obligations:
            return f"none: {self.not_proved}"
        counts = ", ".join(f"{family} {count}" for family, count in self.families.items())
        return f"{len(self.obligations)} obligations, for every capacity: {counts}"


def by_tool(checks: Sequence[Bearing]) -> str:
    """Count checks by their tool: "CrossHair 3, Hypothesis 1"."""
    return ", ".join(f"{tool} {count}" for tool, count in Counter(check.tool for check in checks).items())


def proofs() -> tuple[Sequence[Recorded], Mapping[str, str]]:
    """Give all proof obligations, and for each clause without one the reason."""
    around = dict.fromkeys(ADAPTER_IDS, "an adapter is run, not modelled")
    around |= dict.fromkeys(POLICY_IDS, "of a policy's own machine, by the check policies.proof; else it is run")
    return recorded(), {**NOT_PROVED, **around}


def entries(checks: Sequence[Bearing]) -> tuple[Entry, ...]:
    """Put each clause together with its evidence."""
    obligations, not_proved = proofs()
    mutants = [
        *(describe(name) for name in mutant_names()),
        *(describe(name) for name in mutant_names(adapter_mutants)),
        *(describe(name) for name in mutant_names(policy_mutants)),
    ]
    return tuple(
        Entry(
            clause,
            tuple(textwrap.dedent(inspect.getsource(predicate)).rstrip() for predicate in clause.predicates),
            tuple(each for each in obligations if clause.id in each.clauses),
            not_proved.get(clause.id, ""),
            tuple(each for each in checks if clause.id in each.clauses),
            tuple(each for each in mutants if clause.id in each.breaks),
        )
        for clause in CLAUSES
    )


def assumptions() -> tuple[str, ...]:
    """Give what is taken for granted, as the kernel itself tells it: the atomic primitives, and the limits."""
    limits = inspect.cleandoc(tidegate.__doc__ or "").partition("\nLimits\n")[2]
    return inspect.cleandoc(_atomic.__doc__ or ""), " ".join(limits.split())
