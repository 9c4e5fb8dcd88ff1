"""Every clause is followed from its words to its evidence: predicate, proof, docstrings, checks, mutants. A gap fails."""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import tidegate
from tidegate_gate.plan import GROUPS
from tidegate_gate.spec import listed_checks
from tidegate_specs import mutants as kernel_mutants
from tidegate_specs.adapters import mutants as adapter_mutants
from tidegate_specs.check import Check
from tidegate_specs.clauses import Clause
from tidegate_specs.document.content import proofs
from tidegate_specs.mutation import patching
from tidegate_specs.policies import mutants as policy_mutants
from tidegate_specs.prove.record import Recorded
from tidegate_specs.registry import CLAUSES

Proof = tuple[Sequence[Recorded], Mapping[str, str]]
IDS = {clause.id for clause in CLAUSES}
each_clause = pytest.mark.parametrize("clause", CLAUSES, ids=str)


@pytest.fixture(scope="module")
def checks() -> list[Check]:
    found, failures = listed_checks()
    assert failures == []
    return found


@pytest.fixture(scope="module")
def proof() -> Proof:
    return proofs()


def kernel_docstrings() -> str:
    """Give all docstrings of the kernel and its adapters, from their text."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in Path(tidegate.__path__[0]).rglob("*.py")]
    return "\n".join(ast.get_docstring(node) or "" for tree in trees for node in ast.walk(tree) if isinstance(node, documented))


@each_clause
def test_a_clause_has_a_predicate(clause: Clause) -> None:
    assert clause.predicates


@each_clause
def test_a_clause_is_proved_or_there_is_a_reason(clause: Clause, proof: Proof) -> None:
    obligations, not_proved = proof
    proved = any(clause.id in each.clauses for each in obligations)
    assert proved != bool(not_proved.get(clause.id))


def test_proofs_name_clauses_that_there_are(proof: Proof) -> None:
    obligations, not_proved = proof
    assert {id_ for each in obligations for id_ in each.clauses} | set(not_proved) == IDS


@each_clause
def test_a_clause_is_named_in_the_kernel(clause: Clause) -> None:
    assert clause.id in kernel_docstrings()


@each_clause
def test_a_clause_has_a_check_with_a_tool(clause: Clause, checks: list[Check]) -> None:
    assert any(clause.id in check.clauses and check.tool and check.name != "mutants.kill_matrix" for check in checks)


def test_checks_name_clauses_that_there_are(checks: list[Check]) -> None:
    assert {id_ for check in checks for id_ in check.clauses} == IDS
    assert {check.group for check in checks} == {group.name for group in GROUPS}


@each_clause
def test_a_clause_has_a_mutant_that_a_check_of_it_kills(clause: Clause, checks: list[Check]) -> None:
    packages = (kernel_mutants, adapter_mutants, policy_mutants)
    mutants = [patching.describe(name) for package in packages for name in patching.mutant_names(package)]
    killers = {entry for mutant in mutants if clause.id in mutant.breaks for entry in mutant.killed_by}
    bearing = {name for check in checks if clause.id in check.clauses for name in (check.name, check.group)}
    assert killers & bearing
