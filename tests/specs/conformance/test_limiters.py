"""Limiters: the wrong ones are found out, the right ones and our own are not accused, and an adapter's mistake is told as such."""

from collections.abc import Callable
from typing import Any

import pytest

from tidegate_specs.check import Check, Settings, Verdict
from tidegate_specs.conformance import Adapted, LimiterAdapter, adapt, limits, smoke
from tidegate_specs.conformance.adapter import Expected
from tidegate_specs.conformance.levels import cause_of, own_cause
from tidegate_specs.conformance.limiter_peers import LIMITERS
from tidegate_specs.conformance.wrong_limiters import (
    RIGHT,
    WRONG,
    Counted,
    KeepsAfterAnError,
    KeepsWhatItWasHanded,
    LooksThenEnters,
    OneMoreTask,
    WakesTwo,
)
from tidegate_specs.runner import in_reach

FOUND_BY: dict[Any, tuple[str, str]] = {  # with the clause that it must blame
    Counted: ("limiters.interruptions", "INTERRUPT-1"),
    LooksThenEnters: ("limiters.meetings", "BOUND-1"),
    WakesTwo: ("limiters.meetings", "BOUND-1"),
    KeepsAfterAnError: ("limiters.places", "BOUND-2"),
    KeepsWhatItWasHanded: ("limiters.cancellation", "INTERRUPT-1"),
    OneMoreTask: ("limiters.tasks", "BOUND-1"),
}


def checks_of(subject: Adapted) -> list[Check]:
    found = [in_reach(subject.capabilities, check) for check in limits.CHECKS if limits.applies_to(check, subject)]
    return [check for check in found if check.needs <= subject.capabilities and check.clauses]


def blamed_of(subject: Adapted, check: Check) -> set[str]:
    result = check.run(subject, Settings())
    assert result.verdict is not Verdict.UNKNOWN, result
    return set(result.blames) if result.verdict is Verdict.ILLEGAL else set()


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_one_is_found_out(wrong: Any) -> None:
    subject = adapt(wrong)
    name, clause = FOUND_BY[wrong]
    check = next(check for check in checks_of(subject) if check.name == name)
    assert clause in blamed_of(subject, check) <= set(wrong.breaks)


@pytest.mark.parametrize("right", RIGHT)
def test_a_right_one_is_ok(right: Any) -> None:
    checks = checks_of(adapt(right))
    assert len(checks) > 1
    assert {check.run(adapt(right), Settings()).verdict for check in checks} == {Verdict.OK}


@pytest.mark.parametrize("peer", [peer for peer in LIMITERS if peer.version])
def test_what_is_expected_of_a_peer_is_found_and_nothing_else(peer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PATIENCE_S", 0.2)
    subject = adapt(peer)
    expected: dict[str, Expected] = dict(subject.expected)
    found: set[str] = set()
    for check in checks_of(subject):
        for id_ in blamed_of(subject, check):
            found.add(id_)
            assert cause_of(check.name, check.clauses) in (expected[id_].by or (own_cause(id_),))
    assert found == set(expected)


def test_the_first_use_shows_a_mistake_of_the_adapter() -> None:
    class Forgets(LimiterAdapter):
        capabilities = frozenset({"refuses"})

        def __init__(self, capacity: int) -> None:
            self.capacity = capacity

        def use(self, body: Callable[[], object], *, wait: bool) -> bool:
            del body, wait
            return True

    trial = smoke.Trial(Forgets, "Forgets")
    trial.run()
    assert "called the body 0 times" in trial.mistake
