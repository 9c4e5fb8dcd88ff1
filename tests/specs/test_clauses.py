"""The registry holds the contract: every clause once, word for word, in order, with a predicate that can tell."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from hashlib import sha256

import pytest

import tidegate
from tidegate_specs import clauses, machine
from tidegate_specs.clauses import BY_ID, CLAUSES, Clause

# The start of the SHA-256 of each sentence of the contract: a sentence changes on purpose only.
SENTENCES = {
    "BOUND-1": "23fda40930d96667",
    "BOUND-2": "bd6a0feb4d18c744",
    "EXACT-1": "639c38d04ecc027f",
    "NOWAIT-1": "b31ec03482ef73c3",
    "NOWAIT-2": "2704436b12cc90a8",
    "EXPLICIT-1": "f4593ca711711529",
    "FIXED-1": "dcec73c3e4864cd3",
    "NORETRY-1": "07dccbebb7d18493",
    "QUIET-1": "78205a59cbb19368",
    "MEMORY-1": "b19d638b7d4c5665",
    "RESPONSIVE-1": "4f85fa0744732bf0",
    "RESPONSIVE-2": "7f0974f51bdf0797",
    "LATENCY-1": "3eb9778d45582753",
    "STABLE-1": "eb901cb3a512eebc",
    "LOCAL-1": "76aa7d6f114b96cd",
    "RECOVER-1": "83dbfd33c134ae33",
    "LEASE-1": "477144c0c11bc404",
    "CLOSE-1": "3abbfc488a880a6e",
    "CLOSE-2": "fabbb3fdecc93919",
    "LEDGER-1": "cf95e665383d4495",
    "REENTRY-1": "11c4066013e3a8be",
    "INTERRUPT-1": "9a8bc8e39daa5353",
    "FORK-1": "9f5718d3ab1c908b",
    "HOSTILE-1": "6ec77bee90971029",
    "HOST-1": "33257b4a87b276d3",
    "HOST-2": "73ca226f0fb3a1f4",
}


def test_every_clause_is_there_once_in_order() -> None:
    assert [clause.id for clause in CLAUSES] == list(SENTENCES)
    assert list(BY_ID.values()) == list(CLAUSES)
    parts = [clause.part for clause in CLAUSES]
    assert [part for i, part in enumerate(parts) if part != parts[i - 1]] == [
        "Constraints (what it never does)",
        "Correctness under overload (what stays true)",
        "Life cycle",
        "In somebody else's process",
    ]


@pytest.mark.parametrize("clause", CLAUSES, ids=str)
def test_a_clause_is_word_for_word(clause: Clause) -> None:
    assert sha256(clause.sentence.encode()).hexdigest()[:16] == SENTENCES[clause.id]
    assert clause.not_claimed


@pytest.mark.parametrize("clause", CLAUSES, ids=str)
def test_a_clause_has_predicates_that_are_named(clause: Clause) -> None:
    assert clause.predicates
    for predicate, name in zip(clause.predicates, clauses.predicate_names(clause), strict=True):
        module, _, function = name.partition(".")
        assert getattr({"machine": machine, "clauses": clauses}[module], function) is predicate
        assert predicate.__doc__


def kernel_docstrings() -> str:
    modules = [
        tidegate,
        *(importlib.import_module(f"tidegate.{module.name}") for module in pkgutil.iter_modules(tidegate.__path__)),
    ]
    texts = [module.__doc__ or "" for module in modules]
    for module in modules:
        for _, owner in inspect.getmembers(module, inspect.isclass):
            if owner.__module__.startswith("tidegate"):
                members = (member for _, member in inspect.getmembers(owner))
                texts += [owner.__doc__ or "", *(getattr(member, "__doc__", None) or "" for member in members)]
        texts += [function.__doc__ or "" for _, function in inspect.getmembers(module, inspect.isfunction)]
    return "\n".join(texts)


def test_every_clause_is_named_in_the_kernel() -> None:
    text = kernel_docstrings()
    assert [clause.id for clause in CLAUSES if clause.id not in text] == []


def test_every_predicate_of_the_machine_belongs_to_a_clause() -> None:
    named = {
        predicate.__name__ for clause in CLAUSES for predicate in clause.predicates if predicate.__module__ == machine.__name__
    }
    written = {
        name
        for name, function in inspect.getmembers(machine, inspect.isfunction)
        if inspect.signature(function).return_annotation is bool and not name.startswith("can_")
    }
    assert written - named == {"invariant", "step"}


# Every predicate on observations holds of what is right, and not of what is just wrong.
OBSERVED: dict[Callable[..., bool], tuple[tuple[float, ...], list[tuple[float, ...]]]] = {
    clauses.nowait_1: ((0, 0, 0), [(1, 0, 0), (0, 1, 0), (0, 0, 1)]),
    clauses.nowait_2: ((63, 0), [(63, 1), (0, 0)]),
    clauses.quiet_1: ((0, 0, 0, 0), [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]),
    clauses.memory_1: ((0, 0, 0), [(1, 0, 0), (0, 1, 0), (0, 0, 1)]),
    clauses.memory_bounded: ((200,), [(200.1,)]),
    clauses.responsive_1: ((2.0,), [(2.1,)]),
    clauses.responsive_2: ((0.8,), [(0.79,)]),
    clauses.latency_1: ((0.02, 4, 2, 0.01, 0.0), [(0.021, 4, 2, 0.01, 0.0), (0.03, 3, 2, 0.01, 0.0)]),
    clauses.stable_1: ((2 * 2**20,), [(2 * 2**20 + 1,)]),
    clauses.interrupt_1: ((3, 3, 0, 0), [(2, 3, 0, 0), (4, 3, 0, 0), (3, 3, 1, 0), (3, 3, 0, 1)]),
    clauses.fork_1: ((3, 3, 0), [(2, 3, 0), (3, 3, 1)]),
    clauses.hostile_1: ((0, 0), [(1, 0), (0, 1)]),
    clauses.host_1: ((0, 0, 0, 0), [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]),
    clauses.host_2: ((0, 1.0, 0), [(1, 1.0, 0), (0, 1.01, 0), (0, 1.0, 1)]),
}


@pytest.mark.parametrize("predicate", OBSERVED)
def test_a_predicate_on_observations_can_tell(predicate: Callable[..., bool]) -> None:
    right, wrong = OBSERVED[predicate]
    assert predicate(*right)
    assert not any(predicate(*each) for each in wrong)


def test_every_predicate_on_observations_is_tried() -> None:
    used = {p for clause in CLAUSES for p in clause.predicates if p.__module__ == clauses.__name__}
    assert used == set(OBSERVED)
