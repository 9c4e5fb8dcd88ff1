"""Every adapter that is broken on purpose is found broken by each check that its file names; the adapters as they are, by none."""

from functools import cache

import pytest

import headgate
from headgate_specs import mutation
from headgate_specs.adapters import CHECKS, mutants
from headgate_specs.adapters.clauses import CLAUSES
from headgate_specs.check import Result, Settings, Verdict

NAMES = mutation.mutant_names(mutants)
BY_NAME = {check.name: check for check in CHECKS}


@cache
def as_it_is(check: str) -> Result:
    return BY_NAME[check].run(headgate, Settings())


@pytest.mark.parametrize("check", BY_NAME)
def test_a_check_passes_on_the_adapters_as_they_are(check: str) -> None:
    result = as_it_is(check)
    assert result.verdict is Verdict.OK, f"{result.evidence}\n{result.witness}"
    assert result.evidence


@pytest.mark.parametrize("name", NAMES)
def test_a_mutant_is_killed_by_each_check_that_its_file_names(name: str) -> None:
    mutant = mutation.describe(name, mutants)
    assert mutant.killed_by
    subject = mutation.load_patched(mutant.patches, f"adapters_{name}")
    try:
        for check in mutant.killed_by:
            result = BY_NAME[check].run(subject, Settings())
            assert result.verdict is Verdict.ILLEGAL, f"{check}: {result.evidence}"
            assert result.witness
            assert set(result.blames or BY_NAME[check].clauses) & set(mutant.breaks)
    finally:
        mutation.unload(f"{mutation.PREFIX}adapters_{name}")


def test_every_clause_has_a_check_and_every_check_a_mutant() -> None:
    ids = {clause.id for clause in CLAUSES}
    assert {id_ for check in CHECKS for id_ in check.clauses} == ids
    assert {check for name in NAMES for check in mutation.describe(name, mutants).killed_by} == set(BY_NAME)
    assert {id_ for name in NAMES for id_ in mutation.describe(name, mutants).breaks} == ids
