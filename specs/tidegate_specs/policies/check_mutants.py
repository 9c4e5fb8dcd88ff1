"""The policies that are broken on purpose, each against a check that must kill it, as the kernel's mutants are."""

from pathlib import Path
from typing import Final

from ..check import Check, Result, Settings, Subject, Verdict
from . import mutants
from .clauses import CLAUSES
from .support import GROUP


def _mutants(subject: Subject, settings: Settings) -> Result:
    from ..mutation import StaleMutant, judge, kill_matrix, mutant_names  # which knows this package

    file = getattr(subject, "__file__", None)
    if not isinstance(file, str) or not Path(file).is_file():
        return Result(Verdict.UNKNOWN, "no mutant was made", "the subject's source is not in files of its own")
    try:
        names = mutant_names(mutants)
        return judge(
            kill_matrix({GROUP: "tidegate_specs.policies"}, "quick", names, seed=settings.seed, source_dir=Path(file).parent)
        )
    except StaleMutant as error:
        return Result(Verdict.ILLEGAL, "a mutant does not fit", str(error))


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
