"""The kernel keeps to the net's paths, and a primitive more, one less or two exchanged are noticed."""

import types
from collections.abc import Iterator
from typing import Any, cast

import pytest

import tidegate
from tidegate_specs import correspondence, net
from tidegate_specs.check import Settings, Subject, Verdict
from tidegate_specs.clauses import BY_ID
from tidegate_specs.correspondence import pairs
from tidegate_specs.mutants import Patch
from tidegate_specs.mutation import patching

SETTINGS = Settings()


@pytest.fixture(autouse=True)
def _unloaded() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    yield
    patching.unload("tidegate_mutant_planted")


def planted(old: str, new: str, file: str = "_intake.py") -> Subject:
    return patching.load_patched([Patch(file, old, new)], "planted")


def test_the_kernel_keeps_to_the_paths() -> None:
    result = correspondence.check_paths(tidegate, SETTINGS)
    assert (result.verdict, result.witness) == (Verdict.OK, "")
    assert "66 of 66 transitions taken" in result.evidence


STORE = "                        slots.items[token.slot.index] = item\n"
PUBLISH = "                        slots.publish(held)\n"
HAND_OVER = (
    "                        token = None  # from here on it is queued: no call, so no exception can come before the next line\n"
)
FINISH = "            slots.turns[index] = mark[0] + 1  # ours alone to write: we own the slot\n"
CLEAR = "            slots.items[index] = NOTHING\n"
RING = "        if self.bell.empty():\n            self.bell.put(None)\n"
PLANTED = {
    "an extra look at the flag": (PUBLISH, PUBLISH + "                        slots.closed\n", "_intake.py"),
    "an extra restore": (PUBLISH, PUBLISH + "                        slots.restore(held)\n", "_intake.py"),
    "a second publish": (PUBLISH, 2 * PUBLISH, "_intake.py"),
    "an extra yield": (
        "        if not rejections % YIELD_EVERY:\n",
        "        yield_processor()\n        if not rejections % 16:\n",
        "_intake.py",
    ),
    "a missing store": (STORE, "", "_intake.py"),
    "a missing publish": (PUBLISH, "", "_intake.py"),
    "a missing second look": ("if not slots.closed:  # read again", "if True:  # read again", "_intake.py"),
    "a missing bell": (RING, "", "_slots.py"),
    "a missing count": ("FULL, next(slots.answered_full)\n", "FULL, 1\n", "_intake.py"),
    "store and publish exchanged": (
        STORE + HAND_OVER + PUBLISH,
        HAND_OVER + PUBLISH + STORE.replace("token", "held"),
        "_intake.py",
    ),
    "two stores of a release exchanged": (CLEAR + FINISH, FINISH + CLEAR, "_intake.py"),
    "another object behind a name": (
        "        self.restore, self.publish = self.free.append, self.queue.put",
        "        self.restore, self.publish = list(self.free).append, self.queue.put",
        "_slots.py",
    ),
    "a call that nobody knows": (PUBLISH, PUBLISH + "                        slots.queue.qsize()\n", "_intake.py"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_leaves_the_path(fault: str) -> None:
    result = correspondence.check_paths(planted(*PLANTED[fault]), SETTINGS)
    assert result.verdict is Verdict.ILLEGAL
    assert "the net" in result.witness


def test_a_net_with_a_primitive_more_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    more = net.Transition("offer", "slots.sleep()", "slept", net.IDLE, net.IDLE)
    monkeypatch.setattr(net, "TRANSITIONS", (*net.TRANSITIONS, more))
    result = correspondence.check_paths(tidegate, SETTINGS)
    assert (result.verdict, "slots.sleep()" in result.witness) == (Verdict.UNKNOWN, True)


def test_a_transition_that_no_call_takes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    more = net.Transition("offer", "slots.closed", "slept", "looked", "trying", net.none_free)
    monkeypatch.setattr(net, "TRANSITIONS", (*net.TRANSITIONS, more))
    result = correspondence.check_paths(tidegate, SETTINGS)
    assert (result.verdict, result.witness) == (Verdict.UNKNOWN, f"never taken: {more.name}")


def test_a_private_effect_that_is_never_performed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correspondence, "PRIVATE", pairs.PRIVATE | {("Intake.offer", "free.clear")})
    result = correspondence.check_paths(tidegate, SETTINGS)
    assert (result.verdict, result.witness) == (Verdict.UNKNOWN, "never performed: free.clear in Intake.offer")


def test_an_implementation_without_slots_has_no_answer() -> None:
    def make(capacity: int) -> object:
        return capacity

    other: Any = types.SimpleNamespace(Intake=make)
    assert correspondence.check_paths(cast(Subject, other), SETTINGS).verdict is Verdict.UNKNOWN


def test_every_transition_is_tried_or_excused() -> None:
    excuses = {correspondence.why_not_tried(t) for t in net.TRANSITIONS} - {""}
    assert excuses == set(correspondence.NOT_TRIED)


def test_the_checks_bear_on_clauses() -> None:
    for check in correspondence.CHECKS:
        assert check.name.startswith(f"{check.group}.")
        assert set(check.clauses) <= set(BY_ID)
