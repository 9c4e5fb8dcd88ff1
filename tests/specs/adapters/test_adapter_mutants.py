"""Every adapter that is broken on purpose is found broken by the check that it names first; the adapters as they are, by none."""

import pytest

import tidegate
from tidegate_specs.adapters import CHECKS, mutants
from tidegate_specs.adapters.clauses import CLAUSES
from tidegate_specs.check import Check, Settings, Verdict
from tidegate_specs.mutation import matrix, patching, running

MUTANTS = [patching.describe(name) for name in patching.mutant_names(mutants)]
OTHERS = [check for check in CHECKS if check.name != "adapters.mutants"]


@pytest.mark.parametrize("check", OTHERS, ids=lambda check: check.name)
def test_a_check_passes_on_the_adapters_as_they_are(check: Check) -> None:
    result = check.run(tidegate, Settings())
    assert result.verdict is Verdict.OK, f"{result.evidence}\n{result.witness}"
    assert result.evidence


@pytest.mark.timeout(400)
def test_one_mutant_of_each_check_is_killed() -> None:
    """All of them are judged by `tidegate mutants --adapters` and by profile full of the gate."""
    sample = tuple({mutant.killed_by[0]: mutant.name for mutant in MUTANTS}.values())
    assert len(sample) == len(OTHERS)
    result = matrix.judge(running.kill_matrix({"adapters": "tidegate_specs.adapters"}, "quick", sample))
    assert result.verdict is Verdict.OK, result.witness
    assert result.evidence.startswith(f"{len(sample)} of {len(sample)} mutants killed")


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
