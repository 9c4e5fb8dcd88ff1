"""Every adapter that is broken on purpose names the check that finds it broken; a few are shown to it.

That each check passes on the adapters as they are is what `tidegate verify` shows.
"""

import pytest

import tidegate
from tidegate_specs.adapters import CHECKS, mutants
from tidegate_specs.adapters.clauses import CLAUSES
from tidegate_specs.check import Settings, Verdict
from tidegate_specs.mutation import matrix, patching, running

MUTANTS = [patching.describe(name) for name in patching.mutant_names(mutants)]
OTHERS = [check for check in CHECKS if check.name != "adapters.mutants"]


def test_a_few_mutants_are_killed_and_the_adapters_as_they_are_pass() -> None:
    """All of them are judged by `tidegate mutants --adapters`, which `.ci/run` runs, and by profile full of the gate."""
    checks = ("adapters.bulkhead_model", "adapters.edges_model", "adapters.log_model")
    sample = [next(mutant.name for mutant in MUTANTS if mutant.killed_by[0] == check) for check in checks]
    found = running.kill_matrix({"adapters": "tidegate_specs.adapters"}, "quick", sample)
    result = matrix.judge(found)
    assert result.verdict is Verdict.OK, result.witness
    assert result.evidence.startswith("3 of 3 mutants killed")
    assert set(found.control["adapters"].times_s) == set(checks)


def test_every_check_must_kill_a_mutant_and_every_clause_is_broken_by_one() -> None:
    assert {mutant.killed_by[0] for mutant in MUTANTS} == {check.name for check in OTHERS}
    assert {id_ for mutant in MUTANTS for id_ in mutant.breaks} == {clause.id for clause in CLAUSES}
    assert {id_ for check in OTHERS for id_ in check.clauses} == {clause.id for clause in CLAUSES}
    by_name = {check.name: check for check in OTHERS}
    for mutant in MUTANTS:
        assert set(mutant.breaks) & set(by_name[mutant.killed_by[0]].clauses), mutant.name


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    (check,) = [check for check in OTHERS if check.name == "adapters.aio_cancel"]
    monkeypatch.setattr("tidegate_specs.adapters.aio_cancelled.TRIO", False)
    result = check.run(tidegate, Settings())
    assert result.verdict is Verdict.OK
    assert "trio: not installed" in result.evidence
