"""The linearizability checker: known bad histories are rejected, good ones are not, and a limit is no answer."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from tidegate_specs.check import Verdict
from tidegate_specs.explore.history import Operation
from tidegate_specs.explore.intake_model import intake_model, strict_model
from tidegate_specs.explore.linearizability import Done, Model, Phase, check


def call(thread: int, name: str, argument: Any, result: Any, began: int, ended: int) -> Operation:
    operation = Operation(thread, name, argument)
    operation.result, operation.began, operation.ended = result, began, ended
    return operation


def register_step(state: Any, operation: Operation, phase: Phase) -> Iterable[tuple[Any, Phase]]:
    if operation.name == "write":
        yield operation.argument, Done(None)
    else:
        yield state, Done(state)


REGISTER = Model(0, register_step)

GOOD: dict[str, tuple[Model, Sequence[Operation]]] = {
    "nothing happened": (REGISTER, []),
    "a read overlaps the write that it sees": (REGISTER, [call(0, "write", 1, None, 0, 5), call(1, "read", None, 1, 1, 2)]),
    "a read overlaps a write that it does not see": (REGISTER, [call(0, "write", 1, None, 0, 5), call(1, "read", None, 0, 1, 2)]),
    "a write that never returned is seen": (REGISTER, [call(0, "write", 1, None, 0, -1), call(1, "read", None, 1, 3, 4)]),
    "a write that never returned is not seen": (REGISTER, [call(0, "write", 1, None, 0, -1), call(1, "read", None, 0, 3, 4)]),
    "claimed, not yet published": (
        intake_model(1),
        [
            call(0, "offer", "a", "ACCEPTED", 0, 9),
            call(1, "offer", "b", "FULL", 1, 2),
            call(1, "take", True, "Empty", 3, 4),
        ],
    ),
    "two offers and their order": (
        intake_model(2),
        [
            call(0, "offer", "a", "ACCEPTED", 0, 3),
            call(1, "offer", "b", "ACCEPTED", 1, 2),
            call(2, "take", False, "b", 4, 5),
            call(2, "take", False, "a", 6, 7),
        ],
    ),
    "an offer that overlaps a close is accepted": (
        intake_model(1),
        [call(0, "close", None, None, 0, 1), call(1, "offer", "a", "ACCEPTED", 0, 5), call(2, "take", False, "a", 6, 7)],
    ),
    "the loser of two releases is told before the slot is free": (
        intake_model(1),
        [
            call(0, "offer", "a", "ACCEPTED", 0, 1),
            call(0, "take", False, "a", 2, 3),
            call(0, "release", "a", True, 4, 9),
            call(1, "release", "a", False, 5, 6),
            call(1, "offer", "b", "FULL", 7, 8),
        ],
    ),
    "an unseen item is put back": (
        intake_model(1),
        [
            call(0, "offer", "a", "ACCEPTED", 0, 1),
            call(0, "take", False, "?", 2, 3),
            call(0, "drop", "?", None, 4, 5),
            call(1, "take", False, "a", 6, 7),
        ],
    ),
}

BAD: dict[str, tuple[Model, Sequence[Operation]]] = {
    "a stale read": (REGISTER, [call(0, "write", 1, None, 0, 1), call(1, "read", None, 0, 2, 3)]),
    "two reads in the wrong order": (
        REGISTER,
        [call(0, "write", 1, None, 0, 9), call(1, "read", None, 1, 1, 2), call(1, "read", None, 0, 3, 4)],
    ),
    "FULL with a free slot": (intake_model(2), [call(0, "offer", "a", "ACCEPTED", 0, 1), call(1, "offer", "b", "FULL", 2, 3)]),
    "too many accepted": (intake_model(1), [call(0, "offer", "a", "ACCEPTED", 0, 1), call(1, "offer", "b", "ACCEPTED", 2, 3)]),
    "taken twice": (
        intake_model(1),
        [call(0, "offer", "a", "ACCEPTED", 0, 1), call(1, "take", True, "a", 2, 5), call(2, "take", True, "a", 3, 4)],
    ),
    "taken out of order": (
        intake_model(2),
        [
            call(0, "offer", "a", "ACCEPTED", 0, 1),
            call(0, "offer", "b", "ACCEPTED", 2, 3),
            call(1, "take", False, "b", 4, 5),
        ],
    ),
    "lost": (intake_model(1), [call(0, "offer", "a", "ACCEPTED", 0, 1), call(1, "take", True, "Empty", 2, 3)]),
    "accepted after close": (intake_model(1), [call(0, "close", None, None, 0, 1), call(1, "offer", "a", "ACCEPTED", 2, 3)]),
    "closed too early": (
        intake_model(1),
        [
            call(0, "offer", "a", "ACCEPTED", 0, 9),
            call(1, "close", None, None, 1, 2),
            call(1, "take", False, "Closed", 3, 4),
            call(1, "take", False, "a", 10, 11),
        ],
    ),
    "drained with an item left": (intake_model(1), [call(0, "offer", "a", "ACCEPTED", 0, 1), call(1, "drain", False, 0, 2, 3)]),
    "both of two releases free the slot": (
        intake_model(1),
        [
            call(0, "offer", "a", "ACCEPTED", 0, 1),
            call(0, "take", False, "a", 2, 3),
            call(0, "release", "a", True, 4, 6),
            call(1, "release", "a", True, 5, 7),
        ],
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_possible_history_is_accepted(name: str) -> None:
    model, operations = GOOD[name]
    assert check(operations, model).verdict is Verdict.OK


@pytest.mark.parametrize("name", BAD)
def test_an_impossible_history_is_rejected_with_a_timeline(name: str) -> None:
    model, operations = BAD[name]
    answer = check(operations, model)
    assert answer.verdict is Verdict.ILLEGAL
    assert "no order of the actions explains" in answer.timeline
    assert len(answer.timeline.splitlines()) == len(operations) + 1


def test_one_step_offers_are_too_strict_a_specification() -> None:
    """agrona #216: the producer that was refused finds nothing to take. Right for every queue that claims before it publishes."""
    _, operations = GOOD["claimed, not yet published"]
    assert check(operations, strict_model(1)).verdict is Verdict.ILLEGAL
    assert check(operations, intake_model(1)).verdict is Verdict.OK


def test_a_limit_is_unknown() -> None:
    _, operations = GOOD["two offers and their order"]
    assert check(operations, intake_model(2), limit=3).verdict is Verdict.UNKNOWN


def test_the_culprit_is_named() -> None:
    model, operations = BAD["taken twice"]
    assert "take(True) -> 'a'" in check(operations, model).timeline or "take(True) -> a" in check(operations, model).timeline
