"""Every policy that is broken on purpose names the check that finds it broken; a few are shown to it.

That each check passes on the policies as they are is what `tidegate verify` shows.
"""

import pytest

from tidegate_specs.check import Verdict
from tidegate_specs.mutation import matrix, patching, running
from tidegate_specs.policies import CHECKS, applies_to, machine, mutants, proof
from tidegate_specs.policies.check_machine import steps_from
from tidegate_specs.policies.clauses import CLAUSES

MUTANTS = [patching.describe(name) for name in patching.mutant_names(mutants)]
JUDGES = [check for check in CHECKS if check.name != "policies.mutants"]
KILLERS = {mutant.killed_by[0] for mutant in MUTANTS}


def test_a_few_mutants_are_killed() -> None:
    """All of them are judged by `tidegate mutants --policies`, which `.ci/run` runs, and by profile full of the gate."""
    sample = ("policy_late_is_true", "policy_one_more")
    result = matrix.judge(running.kill_matrix({"policies": "tidegate_specs.policies"}, "quick", sample))
    assert result.verdict is Verdict.OK, result.witness


def test_there_are_enough_mutants_and_they_break_every_clause() -> None:
    assert len(MUTANTS) >= 15
    assert {id_ for mutant in MUTANTS for id_ in mutant.breaks} == {clause.id for clause in CLAUSES}
    assert {id_ for check in JUDGES for id_ in check.clauses} == {clause.id for clause in CLAUSES}
    by_name = {check.name: check for check in JUDGES}
    for mutant in MUTANTS:
        assert set(mutant.breaks) & set(by_name[mutant.killed_by[0]].clauses), mutant.name


def test_a_copy_without_policies_has_only_the_checks_of_the_specification() -> None:
    left = {check.name for check in CHECKS if applies_to(check, object())}  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    names = "proof proof_mutants walk classes_proof classes_proof_mutants".split()
    assert left == {f"policies.{name}" for name in names}


@pytest.mark.parametrize("mutant", proof.MUTANTS[:3], ids=lambda mutant: mutant.name)
def test_a_broken_machine_is_refuted(mutant: proof.Mutant) -> None:
    assert proof.refute(mutant).verdict is Verdict.ILLEGAL


def test_an_item_expires_or_is_taken_and_never_both() -> None:
    s = machine.State(capacity=1, free=0, queue=(0,), accepted=1, peak=1)
    (fetched,) = [after for name, after, _ in steps_from(s) if name == "fetch"]
    ends = {name.partition(" ")[0] for name, _, _ in steps_from(fetched)}
    assert {"hand_out", "expire", "give_up"} <= ends
    assert "look_at" not in ends
    assert not machine.can_hand_out(machine.expire(fetched, 0), 0, 1)
    assert not machine.can_expire(machine.hand_out(fetched, 0, 1), 0)
