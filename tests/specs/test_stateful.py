"""The lockstep and the enumeration pass on the kernel, and fail on planted faults with what replays the failure."""

import pickle
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NoReturn, cast

import pytest
from hypothesis import settings

import tidegate
from tidegate_specs import lockstep, machine, stateful
from tidegate_specs.check import Settings, Subject, Verdict
from tidegate_specs.clauses import BY_ID
from tidegate_specs.conformance import adapt
from tidegate_specs.conformance.honest import Kernel
from tidegate_specs.machine import State


def subject_with(intake: Callable[[int], Any]) -> Subject:
    """Give the kernel with another class for its intake."""
    made = types.SimpleNamespace(Intake=intake, Outcome=tidegate.Outcome, Empty=tidegate.Empty, Closed=tidegate.Closed)
    return cast(Subject, made)


class Wrapper:
    """Pass every call on to a real intake: the base of planted faults."""

    def __init__(self, capacity: int) -> None:
        self.inner: tidegate.Intake[Any] = tidegate.Intake(capacity)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.inner)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError

    @property
    def capacity(self) -> int:
        return self.inner.capacity


class OneSlotMore(Wrapper):
    """Admit one item above the capacity."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.inner = tidegate.Intake(capacity + 1)

    @property
    def capacity(self) -> int:
        return self.inner.capacity - 1

    def statistics(self) -> Any:
        told = self.inner.statistics()
        return replace(told, capacity=self.capacity, free=told.free - 1)


class LastFirst(Wrapper):
    """Give the newest item first, when two are queued."""

    def take(self, timeout: float | None = None) -> Any:
        first = self.inner.take(timeout)
        if self.inner.statistics().queued:
            second = self.inner.take(timeout)
            del first  # nobody looked: it is put back
            return second
        return first


class Uncounted(Wrapper):
    """Forget rejections."""

    def statistics(self) -> Any:
        return replace(self.inner.statistics(), full=0)


class AdmitsWhenClosed(Wrapper):
    """Ignore the first close."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.closes = 0

    def close(self) -> None:
        self.closes += 1
        if self.closes > 1:
            self.inner.close()


FAULTS: list[tuple[Callable[[int], Any], str]] = [
    (OneSlotMore, "BOUND-1"),
    (LastFirst, "LOCAL-1"),
    (Uncounted, "LEDGER-1"),
    (AdmitsWhenClosed, "CLOSE-1"),
]
CHECKS = {check.name: check for check in stateful.CHECKS if check.name != "stateful.overfill"}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize(("intake", "clause"), FAULTS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_planted_fault_is_found(name: str, intake: Callable[[int], Any], clause: str) -> None:
    result = CHECKS[name].run(subject_with(intake), Settings("quick", 0))
    assert result.verdict is Verdict.ILLEGAL
    assert clause in result.blames
    assert f"replay: tidegate verify --check {name} --profile quick" in result.witness
    if name == "stateful.lockstep":
        assert "@reproduce_failure(" in result.witness
        assert "--seed 0" in result.witness


class Pickles(Wrapper):
    """Hand out a copy of what was taken in."""

    def __init__(self, capacity: int, more: int = 0) -> None:
        super().__init__(capacity)
        self.inner = tidegate.Intake(capacity + more)
        self.named = capacity

    @property
    def capacity(self) -> int:
        return self.named

    def offer(self, item: Any) -> Any:
        copied = pickle.loads(pickle.dumps(item))
        return self.inner.offer(copied)


class PicklesOneMore(Pickles):
    """Admit one item above the capacity, beside."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, 1)

    def statistics(self) -> Any:
        told = self.inner.statistics()
        return replace(told, capacity=self.capacity, free=told.free - 1)


@pytest.mark.parametrize("name", CHECKS)
def test_one_that_serialises_items_breaks_one_clause_and_is_judged_on_the_others(name: str) -> None:
    result = CHECKS[name].run(subject_with(Pickles), Settings("quick", 0))
    assert (result.verdict, result.blames) == (Verdict.ILLEGAL, ("HOSTILE-1",))
    assert {*result.blames, *result.cleared} == {*stateful.CLAUSES}
    assert "__reduce_ex__ of an item" in result.witness
    assert "with plain items OK: " in result.evidence


@pytest.mark.parametrize("name", CHECKS)
def test_one_that_serialises_items_and_does_worse_is_blamed_for_both(name: str) -> None:
    result = CHECKS[name].run(subject_with(PicklesOneMore), Settings("quick", 0))
    assert {"HOSTILE-1", "BOUND-1"} <= {*result.blames}
    assert result.cleared == ()


def test_a_replay_names_the_adapter() -> None:
    named = replace(adapt(Kernel, "boxes:Renamed it"), make=Uncounted, Outcome=tidegate.Outcome)
    subject = replace(named, Empty=tidegate.Empty, Closed=tidegate.Closed)
    for check in CHECKS.values():
        result = check.run(subject, Settings("quick", 0))
        assert result.verdict is Verdict.ILLEGAL
        assert " --intake 'boxes:Renamed it'" in result.witness


def test_a_found_history_is_short() -> None:
    result = stateful.enumeration(subject_with(LastFirst), Settings())
    assert "after Intake(2): " in result.witness
    assert result.witness.splitlines()[0].count(";") <= 6


def test_the_same_seed_gives_the_same_failure() -> None:
    first, second = (stateful.lockstep(subject_with(LastFirst), Settings("quick", 7)) for _ in range(2))
    assert first == second


def test_a_lost_history_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stateful, "LENGTHS", {"quick": {1: 3}})
    monkeypatch.setattr(stateful, "COUNTS", {(1, 3): stateful.histories(tidegate, 1, 3) + 1})
    assert stateful.enumeration(tidegate, Settings()).verdict is Verdict.UNKNOWN


def test_a_situation_that_never_comes_up_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockstep, "SITUATIONS", lockstep.SITUATIONS | {"offer: MAYBE"})
    result = stateful.lockstep(tidegate, Settings())
    assert (result.verdict, result.witness) == (Verdict.UNKNOWN, "never came up: offer: MAYBE")


@pytest.mark.parametrize("name", CHECKS)
def test_a_fault_of_the_specification_is_no_verdict_on_the_kernel(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def take(s: State) -> State:
        return replace(s, queue=s.queue[1:], seen=(*s.seen, s.queue[0]))

    monkeypatch.setattr(machine, "take", take)
    result = CHECKS[name].run(tidegate, Settings())
    assert result.verdict is Verdict.UNKNOWN
    assert "SpecificationFault" in result.witness


def test_the_profiles_are_registered() -> None:
    for name, profile in lockstep.PROFILES.items():
        assert settings.get_profile(name) is profile
    assert lockstep.PROFILES["tidegate-nightly"].max_examples == 1_000
    assert lockstep.PROFILES["tidegate-nightly"].stateful_step_count == 50


def test_the_checks_bear_on_clauses() -> None:
    for check in stateful.CHECKS:
        assert check.name.startswith(f"{check.group}.")
        assert set(check.clauses) <= set(BY_ID)


@pytest.mark.parametrize(("intake", "clause"), [(OneSlotMore, "BOUND-1"), (LastFirst, "LOCAL-1")])
def test_overfilling_finds_what_an_intake_does_with_too_much(intake: Callable[[int], Any], clause: str) -> None:
    assert stateful.overfill(tidegate, Settings()).verdict is Verdict.OK
    result = stateful.overfill(subject_with(intake), Settings())
    assert (result.verdict, result.blames) == (Verdict.ILLEGAL, (clause,))
    assert {*result.blames, *result.cleared} == {"BOUND-1", "LOCAL-1"}
