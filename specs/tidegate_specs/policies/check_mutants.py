"""The policies that are broken on purpose, each against a check that must kill it, as the kernel's mutants are."""

from typing import Final

from ..check import Check, Result, Settings, Subject
from ..mutation import judge_around
from . import mutants
from .clauses import CLAUSES
from .support import GROUP


def _mutants(subject: Subject, settings: Settings) -> Result:
    return judge_around(mutants, GROUP, subject, settings)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="policies.mutants",
        group=GROUP,
        tool="mutants",
        clauses=tuple(clause.id for clause in CLAUSES),
        shows="every policy that was broken on purpose is caught by the check named for it, and the policies as they are by none",
        shows_not="faults of other kinds",
        run=_mutants,
        limit_s=(300.0, 600.0),
        deep=True,
    ),
)
