"""The sweeps over bytecodes: where they look, and what they find on planted faults and on queues whose faults are known.

That the kernel passes them is what `tidegate verify` shows.
"""

import ast
import queue
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import tidegate
from tidegate_specs import injection
from tidegate_specs.check import Check, Settings, Subject, Verdict
from tidegate_specs.conformance import Adapted, adapt
from tidegate_specs.conformance.peers import Janus, QueueQueue
from tidegate_specs.mutants import Patch, give_back_in_except
from tidegate_specs.mutation.patching import load_mutant, load_patched
from tidegate_specs.sweeps import (
    CHECKS,
    controls,
    double_fault,
    fork_at,
    freeze,
    interrupt,
    kinds,
    points,
    reenter,
    storm,
    take_on,
    try_control,
    waits,
    wake,
)
from tidegate_specs.sweeps.operations import OPERATIONS, Operation
from tidegate_specs.sweeps.party import ENDED, STOPPED, WAITING, Frozen, Party

BY_NAME = {check.name: check for check in CHECKS}


QUEUE = replace(adapt(QueueQueue), arrivals_only=False)


def check_named(name: str) -> Check:
    return BY_NAME[f"sweeps.{name}"]


def only(*names: str) -> Iterable[Operation]:
    return [operation for operation in OPERATIONS if operation.name in names]


def test_every_operation_has_points_and_the_same_ones_each_time() -> None:
    tally, again = freeze(tidegate), freeze(tidegate)
    assert tally.blocked_by == again.blocked_by
    assert tally.operations == len(OPERATIONS)
    assert all(points > 10 for _, points in tally.blocked_by.values())


# Planted faults


def test_a_lock_around_the_publish_blocks_when_its_holder_is_stopped() -> None:
    tally = freeze(load_mutant("lock_around_offer"), only("offer"))
    assert tally.blocked > 0
    assert "another party's offer waits" in tally.witness


def test_a_lock_around_the_publish_deadlocks_on_re_entry() -> None:
    tally = reenter(load_mutant("lock_around_offer"), [("call", "offer"), ("signal", "offer")], only("offer"))
    assert tally.deadlocked > 0
    assert not tally.signals, "a deadlock of the main thread could not be ended"


# A take that goes on where its slot is in flight already: a slot that is there twice is counted then, and not met as a TypeError.
TOLERANT = Patch(
    "_intake.py",
    "= mark = [turns[index], False]",
    "= mark = [turns[index] if isinstance(turns[index], int) else turns[index][0], False]",
)


def test_a_slot_given_back_after_an_exception_is_minted() -> None:
    tally = interrupt(load_patched([*give_back_in_except.PATCHES, TOLERANT], "gives_back"), only("offer"))
    assert tally.minted > 0
    assert "4 of 3 slots" in tally.witness or tally.items_doubled > 0


def test_without_finalisers_slots_are_lost() -> None:
    tally = interrupt(load_mutant("finaliser_missing"), only("offer", "take"))
    assert tally.slots_lost > 10
    assert tally.items_lost > 10


@pytest.mark.parametrize("way", ["signal", "thread"])
def test_a_storm_loses_slots_without_finalisers(way: Any) -> None:
    tally = storm(load_mutant("finaliser_missing"), way, 200)
    assert tally.slots_lost > 0 or tally.items_lost > 0


def test_a_fork_that_nobody_heeds_leaves_the_parents_work_in_the_child() -> None:
    tally = fork_at(load_mutant("fork_ignored"), only("offer", "release"), stride=9)
    assert tally.bad > 0
    assert "of the parent's" in tally.witness


def test_a_take_that_goes_on_in_a_child_and_finds_an_open_intake_closed_is_noticed() -> None:
    tally = take_on(load_mutant("open_exhausted"))
    assert tally.went_on > tally.bad > 0
    assert "in the child it ends with {'answer': 'Closed'}" in tally.witness


def test_a_close_that_rings_for_nobody_is_noticed() -> None:
    assert wake(load_mutant("close_wakes_nobody")).lost > 0


def test_a_refusal_with_a_slot_free_is_noticed() -> None:
    subject = load_mutant("reject_too_soon")
    tally = reenter(subject, [("call", "offer")], only("take", "statistics"))
    assert tally.spurious > 0
    assert freeze(subject, only("statistics")).refused > 0


def test_a_slot_that_two_recoveries_bring_home_is_minted() -> None:
    guard = Patch("_slots.py", "            return  # its successor owns the slot\n", "            pass\n")
    subject = load_patched([guard, TOLERANT], "recovers_twice")
    tally = double_fault(subject, stride=5, step=5, names=["drop a seen lease"])
    assert tally.minted > 0


# What a double fault costs is bounded, and told.


def test_a_double_fault_is_told_by_statistics() -> None:
    tally = double_fault(tidegate, stride=3, step=3, names=["drop a seen lease"])
    assert 0 < tally.slots_lost < tally.runs
    assert (tally.untold, tally.minted, tally.doubled, tally.broken) == (0, 0, 0, 0)


# Controls


def test_queue_has_the_faults_it_is_known_to_have() -> None:
    tally = try_control(QUEUE)
    assert tally.missing == []
    known = controls.KNOWN.get(sys.version_info[:2])
    found = (tally.frozen_points, tally.blocked, tally.interrupted_points, tally.broken, tally.locked)
    assert known in {None, found}


def test_a_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def found_nothing(control: Adapted) -> controls.ControlTally:
        return controls.ControlTally(control.title)

    monkeypatch.setattr(controls, "try_control", found_nothing)
    monkeypatch.setattr(Janus, "version", "")
    found, absent = controls.try_controls((QueueQueue, Janus))
    assert [tally.name for tally in found] == ["queue.Queue"]
    assert absent == ["janus.Queue"]


@pytest.mark.parametrize("blind", ["freeze", "interrupt", "reenter"])
def test_a_sweep_that_looks_away_is_noticed(blind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = getattr(controls, blind)

    def nothing(subject: Subject, *arguments: Any) -> Any:
        return whole(subject, *arguments[:-1], only("no such operation") or [Operation("nothing", frozenset(), lambda _: _idle())])

    monkeypatch.setattr(controls, blind, nothing)
    tally = try_control(QUEUE)
    assert tally.missing


def _idle() -> Any:
    from tidegate_specs.sweeps.operations import Stage

    return Stage(adapt(QueueQueue).Intake(1), lambda: None)


def test_the_check_of_the_controls_says_unknown_when_a_sweep_looks_away(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = controls.ControlTally("queue.Queue", missing=["blocked"])
    monkeypatch.setattr("tidegate_specs.sweeps.try_controls", lambda: ([blind], ["janus.Queue"]))
    result = check_named("controls").run(tidegate, Settings())
    assert result.verdict is Verdict.UNKNOWN
    assert "blocked" in result.witness
    assert "janus.Queue: not installed" in result.evidence


# Telling a thread that waits from one that is slow


def test_a_party_that_waits_for_ever_is_told_from_one_that_works() -> None:
    party, gate = Party(), queue.SimpleQueue[None]()
    party.start(gate.get)
    assert party.wait() == WAITING
    gate.put(None)
    assert party.wait() == ENDED
    party.start(lambda: sum(range(3_000_000)))
    assert party.wait() == ENDED
    assert party.answer() == sum(range(3_000_000))
    party.dismiss()


def test_a_frozen_party_goes_on_when_let_go() -> None:
    party = Party()

    def run(hook: Any) -> int:
        for at in (1, 2, 3):
            hook(at, run.__code__, at)
        return 7

    frozen = Frozen(party, run, 2)
    assert frozen.event == STOPPED
    assert frozen.let_go()
    assert party.answer() == 7
    party.dismiss()


# Out of calls that wait


@pytest.mark.parametrize("name", ["interrupted_wait_is_empty", "interrupted_drain_gives_up"])
def test_an_exception_out_of_a_wait_that_is_not_passed_on_is_found(name: str) -> None:
    tally = waits(load_mutant(name))
    assert tally.swallowed > 0
    assert "the exception did not reach the caller" in tally.witness


def test_each_wait_is_left_by_an_exception_simulated_and_for_real() -> None:
    tally = waits(tidegate)
    assert (tally.points, tally.real, tally.prompt) == (17, 22, 6)
    assert (tally.swallowed, tally.asleep, tally.unmet, tally.witness) == (0, 0, 0, "")


# Exceptions of types that are caught


def test_every_type_that_a_handler_of_ours_names_is_tried() -> None:
    tried: set[type[BaseException]] = {*kinds.every_one(tidegate)}
    own = {tidegate.Empty.__name__, tidegate.Closed.__name__, "BaseException"}
    names = (
        {kind.__name__ for kind in tried} | own | {"TimeIsOver", "over"}
    )  # another name of queue.Empty; what a loop that has ended raises, which is tried by name
    missing = {f"{name} in {file}" for file, name in caught_by_name() if name not in names}
    assert missing == set()
    assert all(kinds.subclass_of(kind) in tried for kind in kinds.BUILT_IN)


def caught_by_name() -> Iterator[tuple[str, str]]:
    """Give every name of a type in an `except` or a `suppress` of the kernel and its adapters."""
    folder = Path(tidegate.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            caught: list[ast.expr] = []
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "suppress":
                caught = node.args
            for each in caught:
                yield path.relative_to(folder).as_posix(), ast.unparse(each).rpartition(".")[2]


def test_an_answer_made_of_a_foreign_exception_is_found() -> None:
    tally = kinds.every_kind(load_mutant("foreign_error_is_full"))
    assert tally.operations == 1, "the first operation with a fault is the last, unless everything is asked for"
    assert (tally.refused, tally.broken) == (1, 0)
    assert tally.by_kind.keys() <= {"IndexError", "ForeignIndexError"}
    assert "the call was answered Outcome.FULL, and Outcome.ACCEPTED undisturbed" in tally.witness


def test_what_an_exception_keeps_from_its_finaliser_is_found_and_who_is_not_woken_by_it() -> None:
    subject = load_mutant("exception_keeps_token")
    caught_as_exceptions = (ValueError, kinds.subclass_of(RuntimeError))
    assert wake(subject, caught_as_exceptions, arrivals_only=True).lost > 0
    assert waits(subject, ValueError).slots_lost > 0
    assert waits(subject, KeyboardInterrupt).slots_lost == 0


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, GeneratorExit, kinds.subclass_of(MemoryError), SystemExit])
def test_an_exception_of_any_type_leaves_a_wait(kind: type[BaseException]) -> None:
    tally = waits(tidegate, kind)
    assert (tally.points, tally.real) == (17, 22)
    assert (tally.swallowed, tally.slots_lost, tally.items_lost, tally.asleep, tally.witness) == (0, 0, 0, 0, "")


def test_each_place_has_the_types_that_are_caught_and_each_other_in_its_turn() -> None:
    own, others = kinds.kinds_of(tidegate)
    seen: set[type[BaseException]] = set()
    for number in range(2 * len(others)):
        chosen = kinds.chosen_at(tidegate, number, everything=False)
        assert len(chosen) == len(own) + 1
        assert all(issubclass(kind, caught) for kind, caught in zip(chosen, own, strict=False))
        seen |= {*chosen}
    assert seen == {*kinds.every_one(tidegate)} == {*kinds.chosen_at(tidegate, 0, everything=True)}


# Points are counted


def test_the_manifest_is_of_this_kernel_on_every_interpreter() -> None:
    known = points.recorded()
    assert set(known) >= {"3.11", "3.12", "3.13", "3.14", "3.15"}, f"{points.COMMAND} on each"
    digest = points.digest_of(tidegate)
    assert {version for version, entry in known.items() if entry["digest"] != digest} == set(), f"{points.COMMAND} on each"
    counting = {check.name for check in CHECKS if hasattr(check.run, "__wrapped__")}
    assert counting == {f"sweeps.{name}" for name in ("double_fault", "fork", "freeze", "interrupt", "kinds", "reentry", "waits")}
    assert all(set(entry["points"]) == counting for entry in known.values())


@pytest.mark.parametrize("name", ["freeze", "interrupt"])
def test_an_injector_that_misses_half_of_the_points_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missed = count()
    step = injection._Running.step

    def half(running: Any, code: Any, offset: int) -> None:
        if next(missed) % 2:
            step(running, code, offset)

    monkeypatch.setattr(injection._Running, "step", half)
    result = check_named(name).run(tidegate, Settings())
    assert result.verdict is Verdict.UNKNOWN
    assert "it looks away" in result.witness


def test_sources_that_nobody_counted_have_no_expected_number() -> None:
    mutant = load_mutant("lifo")
    assert points.digest_of(mutant) not in {"", points.digest_of(tidegate)}
    assert points.short_of("sweeps.freeze", 1, points.digest_of(mutant), "quick", points.recorded()) == ""
    assert points.digest_of(QUEUE) == ""


def test_an_interpreter_without_numbers_is_told_how_to_record_them() -> None:
    other = {"2.7": points.recorded()["3.11"]}
    told = points.short_of("sweeps.freeze", 10_000, points.digest_of(tidegate), "quick", other)
    assert f"on CPython {points.interpreter()}" in told
    assert points.COMMAND in told
