"""Sizes, ages, numbers and times: what is drawn, what is set, and what is found at a size that no other check goes to."""

import gc
import random
import sys
import threading
import types
from typing import Any, cast

import pytest

import tidegate
from tidegate_specs.check import Check, Settings, Subject, Verdict
from tidegate_specs.mutants import Patch
from tidegate_specs.mutation.patching import load_mutant, load_patched
from tidegate_specs.refinement.observed import Divergence
from tidegate_specs.sizes import CHECKS, ages, brim, forks, takers, time_outs
from tidegate_specs.sizes.common import NotTried, judged

BY_NAME: dict[str, Check] = {check.name: check for check in CHECKS}
MUTANTS = {
    "capacity_in_eights": "brim",
    "drain_counts_to_255": "brim",
    "index_in_a_byte": "brim",
    "peak_below_brim": "brim",
    "none_is_nothing": "brim",
    "turns_spill": "ages",
    "full_in_16_bits": "ages",
    "generation_in_16_bits": "ages",
    "sixteen_takers": "takers",
    "time_outs_cut": "time_outs",
    "iterators_share": "iterators",
    "first_fork_only": "forks",
    "iterator_keeps_parents_slots": "forks",
}


@pytest.mark.parametrize("name", BY_NAME)
def test_the_kernel_passes_at_another_seed(name: str) -> None:
    """Seed 0 is that of `tidegate verify`."""
    result = BY_NAME[name].run(tidegate, Settings("quick", 7))
    assert (result.verdict, result.witness) == (Verdict.OK, "")
    assert result.evidence.endswith("seed 7")


@pytest.mark.parametrize(("mutant", "name"), MUTANTS.items())
def test_a_planted_fault_is_found_at_another_seed_and_the_failure_replays(mutant: str, name: str) -> None:
    """Seed 0 is that of the kill matrix."""
    result = BY_NAME[f"sizes.{name}"].run(load_mutant(mutant), Settings("quick", 3))
    assert result.verdict is Verdict.ILLEGAL
    command = f"replay: tidegate verify --check sizes.{name} --profile quick --seed 3 --subject mutant:{mutant}"
    assert result.witness.splitlines()[-1] == command


def test_the_same_seed_finds_the_same() -> None:
    for mutant in ("index_in_a_byte", "generation_in_16_bits"):
        check = BY_NAME[f"sizes.{MUTANTS[mutant]}"]
        first, second = (check.run(load_mutant(mutant), Settings("quick", 5)) for _ in range(2))
        assert first == second


# Capacities


def test_every_small_capacity_and_the_neighbours_of_powers_are_tried_and_the_seed_draws_the_rest() -> None:
    quick, other = (set(brim.capacities(random.Random(seed), everything=False)) for seed in (1, 2))
    for found in (quick, other):
        assert found >= {*range(1, 301), 511, 513, 1000, 1023, 1025, 4095, 4096, 4097}
        assert len(found & set(brim.LARGE)) == 1
    assert quick != other
    assert set(brim.capacities(random.Random(1), everything=True)) >= {*brim.LARGE, brim.LARGEST}


@pytest.mark.parametrize("capacity", [9, 17, 33, 65, 129, 257])
def test_one_slot_more_at_a_single_capacity_is_found(capacity: int) -> None:
    at = f"Slots(capacity + (capacity == {capacity}) if _checked_capacity(capacity) else 0)"
    hidden = Patch(
        "_intake.py", "return self._slots.capacity\n", f"return self._slots.capacity - (self._slots.capacity == {capacity + 1})\n"
    )
    more = load_patched([Patch("_intake.py", "Slots(_checked_capacity(capacity))", at), hidden], "one_more_there")
    result = BY_NAME["sizes.brim"].run(more, Settings())
    assert result.verdict is Verdict.ILLEGAL
    assert f"Intake({capacity})" in result.witness


# Ages


def life(finished: int, abandoned: int, full: int) -> Any:
    """Live through it: each of two slots, and the refusals."""
    intake = tidegate.Intake[None](2)
    for number in range(finished):
        for _ in range(2):
            assert intake.offer(None)
        leases = [intake.take(timeout=0) for _ in range(2)]
        assert [lease.item for lease in leases] == [None, None]
        while leases:
            lost = leases.pop()
            if number >= abandoned:
                lost.release()
            del lost
    intake.offer(None)
    intake.offer(None)
    for _ in range(full):
        assert not intake.offer(None)
    for _ in range(2):
        intake.take(timeout=0).release()
    return intake


def counted_by(intake: Any) -> Any:
    """Read all that an age is set in."""
    gc.collect()
    slots = intake._slots
    return slots.turns, repr(slots.answered_full), repr(slots.answered_closed), intake.statistics()


@pytest.mark.parametrize(("finished", "abandoned", "full"), [(0, 0, 0), (1, 0, 1), (300, 40, 70), (513, 513, 260)])
def test_a_set_age_is_that_of_a_life(finished: int, abandoned: int, full: int) -> None:
    true = life(finished, abandoned, full)
    slots = [(finished - abandoned + 1, abandoned)] * 2  # one more each, finished last
    pair = ages.set_age(tidegate, 2, ages.Age(slots, full))
    pair.check()
    assert counted_by(pair.driver.intake) == counted_by(true)


def test_a_set_age_of_refusals_after_close_is_that_of_a_life() -> None:
    true = tidegate.Intake[None](1)
    true.close()
    for _ in range(33):
        true.offer(None)
    pair = ages.set_age(tidegate, 1, ages.Age([(0, 0)]))
    pair.do("close")
    ages.set_refused(pair, 33)
    pair.check()
    assert counted_by(pair.driver.intake) == counted_by(true)


def test_the_generations_of_lost_leases_only_ever_go_on() -> None:
    internals: Any = sys.modules["tidegate._slots"]
    before = ages.reached(internals.generations)
    ages.set_age(tidegate, 1, ages.Age([(0, 0)], lost=before + 5))
    assert ages.reached(internals.generations) == before + 6
    ages.set_age(tidegate, 1, ages.Age([(0, 0)], lost=0))
    assert ages.reached(internals.generations) >= before + 6


def test_the_ages_lie_about_the_powers_of_two() -> None:
    chance = random.Random(0)
    for power in ages.BOUNDARIES:
        for _ in range(100):
            capacity, refused, age = ages.drawn(chance, power)
            assert len(age.slots) <= capacity
            assert all(0 <= released + abandoned <= ages.LAST - 4 * ages.CALLS for released, abandoned in age.slots)
            assert abs(refused - 2**power) < 8
            if power < 62:
                assert all(abs(released + abandoned - 2**power) < 8 for released, abandoned in age.slots)


def test_an_intake_that_counts_by_something_else_has_no_age() -> None:
    class Other:
        capacity = 1

        def __init__(self, _: int) -> None:
            pass

    subject = cast(
        Subject, types.SimpleNamespace(Intake=Other, Outcome=tidegate.Outcome, Empty=tidegate.Empty, Closed=tidegate.Closed)
    )
    assert BY_NAME["sizes.ages"].run(subject, Settings()).verdict is Verdict.UNKNOWN
    assert BY_NAME["sizes.time_outs"].run(subject, Settings()).verdict is Verdict.UNKNOWN


# Takers and time-outs


def test_a_time_out_that_begins_anew_at_each_wake_up_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_outs, "LIMIT_S", 0.5)
    clock = "min(remaining, deadline - monotonic()))\n        except BaseException:\n            slots.give_back(token)"
    subject = load_patched(
        [Patch("_intake.py", clock, clock.replace("min(remaining, deadline - monotonic())", "TIMEOUT_MAX"))], "begins_anew"
    )
    result = BY_NAME["sizes.time_outs"].run(subject, Settings())
    assert (result.verdict, result.blames) == (Verdict.ILLEGAL, ("CLOSE-2",))
    assert "had not ended" in result.witness


def test_the_clock_is_put_back() -> None:
    import time

    module: Any = sys.modules["tidegate._intake"]
    with time_outs.clock_of(tidegate) as clock:
        clock.ahead_s = 3600.0
        assert module.monotonic() > time.monotonic() + 3599
    assert module.monotonic is time.monotonic


def test_who_does_not_wait_is_not_taken_for_one_who_does() -> None:
    done = takers.Waiter(lambda: 7)
    assert takers.ended([done], 1) == [done]
    assert done.answer == 7


def gone(answer: object, took_s: float) -> takers.Waiter:
    """Make one whose call ended like that, after so long."""
    waiter = takers.Waiter(lambda: answer)
    waiter.thread.join(10)
    waiter.took_s = took_s
    return waiter


def test_a_take_whose_time_was_over_is_no_fault_and_one_that_ended_before_is() -> None:
    empty = tidegate.Empty
    waiting = [gone(empty, 1.4), gone(empty, 1.6), gone(empty, 9.0), gone("a lease", 9.0)]
    assert takers.overdue(waiting, [1.5, 1.5, None, 1.5], empty) == [waiting[1]]


def test_a_machine_too_slow_for_the_time_outs_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takers, "LONG", (None, 0))  # as if the time of the second were over before all were seen to wait
    result = BY_NAME["sizes.takers"].run(tidegate, Settings())
    assert result.verdict is Verdict.UNKNOWN
    assert takers.SLOW in result.witness + result.evidence


@pytest.mark.parametrize("sleeping", [0, 1])
def test_only_threads_that_sleep_on_are_a_fault(sleeping: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takers, "LIMIT_S", 0.2)

    def asleep(_: object) -> int:
        return sleeping

    monkeypatch.setattr(takers, "asleep", asleep)
    held = threading.Event()
    waiter = takers.Waiter(held.wait)
    try:
        if sleeping:
            assert takers.ended([waiter], 1) == []
        else:
            with pytest.raises(NotTried, match="too busy"):
                takers.ended([waiter], 1)
    finally:
        held.set()
        waiter.thread.join(10)


# Forks


@pytest.mark.parametrize(
    "uses", [("used", "left alone", "used"), ("closed", "used", "closed"), ("left alone", "closed", "left alone")]
)
@pytest.mark.parametrize("capacity", [1, 9])
def test_a_chain_of_forks(uses: tuple[str, ...], capacity: int) -> None:
    forks._chain(tidegate, capacity, uses)


def test_a_child_that_opens_a_closed_intake_is_found() -> None:
    old = "Slots(slots.capacity, slots.closed)"
    with pytest.raises(Divergence, match="closed before the fork, and 3 offers were answered"):
        forks._chain(
            load_patched([Patch("_intake.py", old, "Slots(slots.capacity)")], "opens_again"), 2, ("closed", "used", "used")
        )


# How a check ends


@pytest.mark.parametrize(
    ("end", "verdict"),
    [(None, Verdict.OK), (NotTried("no fork"), Verdict.UNKNOWN), (Divergence(("BOUND-1",), "one more"), Verdict.ILLEGAL)],
)
def test_a_trial_ends_in_a_verdict(end: Exception | None, verdict: Verdict) -> None:
    def trial(*_: object) -> str:
        if end is not None:
            raise end
        return "1 thing"

    assert judged("sizes.some", trial)(tidegate, Settings("quick", 4)).verdict is verdict
