"""Intakes that are wrong on purpose are found out, for what is wrong with them and nothing else; the right ones are not accused."""

import importlib
from collections.abc import Iterator

import pytest

from tidegate_specs.check import Check, Result, Settings, Verdict
from tidegate_specs.conformance import Adapted, adapt
from tidegate_specs.conformance.adapter import Adapter
from tidegate_specs.conformance.honest import Kernel, Locked, Plain
from tidegate_specs.conformance.wrong import (
    RIGHT,
    WRONG,
    BlocksWhenFull,
    CheckThenAct,
    ComparesItems,
    DropsOldest,
    LastFirst,
    LocksAroundOffer,
    MiscountsStatistics,
    NoneForNothing,
    Unbounded,
    Widens,
)
from tidegate_specs.conformance.wrong_talk import (
    KeepsAJournal,
    Logs,
    OpensItsJournal,
    Prints,
    TellsNowAndThen,
    Warns,
    WritesToStderr,
)
from tidegate_specs.runner import in_reach

MODULES = ("tidegate_specs.stateful", "tidegate_specs.scenarios", "tidegate_specs.sweeps")
LOUD: tuple[type[Adapter], ...] = (Prints, WritesToStderr, Logs, Warns, OpensItsJournal, KeepsAJournal, TellsNowAndThen)
KILLED_BY: dict[type[Adapter], str] = {
    **dict.fromkeys(LOUD, "scenarios.30"),
    Widens: "scenarios.12",
    NoneForNothing: "stateful.overfill",
}
SLOW = {"scenarios.09", "scenarios.28", "scenarios.30"}
# Of one that waits the others would only tell that it does.
ONLY: dict[type[Adapter], set[str]] = {
    BlocksWhenFull: {"sweeps.freeze"},
    CheckThenAct: {"scenarios.09", "sweeps.reentry"},
    **{loud: {"scenarios.30"} for loud in LOUD},
}
KERNEL = {"scenarios.12", "scenarios.14", "scenarios.22", "scenarios.23", "scenarios.29", "stateful.overfill", "sweeps.reentry"}


def checks_of(subject: Adapted) -> Iterator[Check]:
    for module in MODULES:
        for check in importlib.import_module(module).CHECKS:
            within = in_reach(subject.capabilities, check)
            if within.needs <= subject.capabilities and within.clauses:
                yield within


def run(check: Check, subject: Adapted) -> Result:
    """Run a check as the gate does: one that raises says nothing."""
    try:
        return check.run(subject, Settings())
    except Exception as error:  # noqa: BLE001 - as the gate does
        return Result(Verdict.UNKNOWN, "", repr(error))


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_one_is_found_out_and_accused_of_nothing_else(wrong: type[Locked | Plain]) -> None:
    subject = adapt(wrong)
    chosen = [check for check in checks_of(subject) if check.name in ONLY.get(wrong, {check.name} - SLOW)]
    chosen += [check for check in checks_of(subject) if check.name == KILLED_BY.get(wrong) and check not in chosen]
    results = [(check, run(check, subject)) for check in chosen]
    found = {id_ for check, result in results if result.verdict is Verdict.ILLEGAL for id_ in result.blames or check.clauses}
    assert found
    assert found <= set(wrong.breaks)
    assert all(result.verdict is Verdict.ILLEGAL for check, result in results if check.name == KILLED_BY.get(wrong))
    searched = [result for check, result in results if check.name == "stateful.enumeration"]
    assert not {id_ for result in searched for id_ in result.cleared} & set(wrong.breaks)


@pytest.mark.parametrize(
    ("wrong", "broken", "open_"),
    [
        (LastFirst, {"LOCAL-1"}, {"LOCAL-1", "CLOSE-2", "NORETRY-1", "MEMORY-1"}),
        (MiscountsStatistics, {"LEDGER-1"}, {"LEDGER-1"}),
        (ComparesItems, {"HOSTILE-1"}, {"HOSTILE-1"}),
    ],
)
def test_one_fault_leaves_the_other_clauses_judged(wrong: type[Locked], broken: set[str], open_: set[str]) -> None:
    check = next(check for check in checks_of(adapt(wrong)) if check.name == "stateful.enumeration")
    result = run(check, adapt(wrong))
    assert set(result.blames) == broken
    assert set(check.clauses) - set(result.cleared) - open_ <= {"LEDGER-1"}  # which is not declared
    assert all(result.witnesses[id_] for id_ in broken)


@pytest.mark.parametrize("wrong", [Unbounded, DropsOldest])
def test_one_that_refuses_nothing_is_not_said_to_leak_at_a_refusal(wrong: type[Locked]) -> None:
    check = next(check for check in checks_of(adapt(wrong)) if check.name == "scenarios.30")
    assert run(check, adapt(wrong)).verdict is Verdict.UNKNOWN


def test_the_right_ones_are_right() -> None:
    subject = adapt(Locked)
    verdicts = {check.name: run(check, subject).verdict for check in checks_of(subject) if check.name not in SLOW}
    assert len(verdicts) > 8
    assert set(verdicts.values()) == {Verdict.OK}


def test_the_kernel_behind_an_adapter_is_right() -> None:
    subject = adapt(Kernel)
    verdicts = {check.name: run(check, subject).verdict for check in checks_of(subject) if check.name in KERNEL}
    assert set(verdicts) == KERNEL
    assert set(verdicts.values()) == {Verdict.OK}


def test_they_say_what_is_wrong_with_them() -> None:
    assert all(wrong.__doc__ and wrong.breaks for wrong in WRONG)
    assert LocksAroundOffer in WRONG
    assert not any(getattr(right, "breaks", ()) for right in RIGHT)
