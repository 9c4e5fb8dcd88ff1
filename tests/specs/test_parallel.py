"""Parallel stress lets the kernel live, finds a planted race where threads are parallel, and claims nothing where they are not."""

from threading import Event

import pytest

import tidegate
from tidegate_gate.plan import GROUPS
from tidegate_specs import parallel
from tidegate_specs.builds import FREE_THREADED, cores, gil_is_on
from tidegate_specs.check import Result, Subject, Verdict
from tidegate_specs.mutation import patching
from tidegate_specs.parallel import CAPACITIES, CHECKS, judge

WITHOUT_GIL = pytest.mark.skipif(gil_is_on(), reason="needs a free-threaded build, with the GIL off: there threads are parallel")


def on_mutant(name: str, capacity: int, rounds: int) -> Result:
    subject: Subject = patching.load_mutant(name)
    try:
        return judge(subject, capacity, rounds)
    finally:
        patching.unload(f"tidegate_mutant_{name}")


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_the_kernel_passes_and_only_parallel_threads_make_it_ok(capacity: int) -> None:
    result = judge(tidegate, capacity, 3)
    parallel_here = not gil_is_on() and cores() > 1
    assert result.verdict is (Verdict.OK if parallel_here else Verdict.UNKNOWN), result
    assert result.evidence.startswith("3 rounds of ")


@pytest.mark.parametrize(
    ("name", "fault"), [("extra_slot", "held|add up|afterwards"), ("raising_rejection", "Full"), ("lifo", "out of order")]
)
def test_faults_that_are_there_every_time_are_found(name: str, fault: str) -> None:
    result = on_mutant(name, 2, 20)
    assert result.verdict is Verdict.ILLEGAL
    assert any(word in result.witness for word in fault.split("|")), result.witness


@WITHOUT_GIL
def test_a_planted_race_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "ROUND_LIMIT_S", 3.0)  # it may lose an item, and who waits for it waits for ever
    result = on_mutant("check_then_act", 2, 200)
    assert result.verdict is Verdict.ILLEGAL


def test_a_thread_that_hangs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "ROUND_LIMIT_S", 0.5)

    def hang(*_: object) -> None:
        Event().wait(2)

    monkeypatch.setattr(parallel.Round, "_offer", hang)
    number, fault = parallel.stress(tidegate, 1, 1, operations=1)
    assert (number, "did not end within 0.5 s" in fault) == (1, True)


def test_only_on_a_free_threaded_build_the_gate_asks() -> None:
    assert ("tidegate_specs.parallel" in {group.module for group in GROUPS}) is FREE_THREADED
    assert [check.name for check in CHECKS] == [f"parallel.capacity-{capacity}" for capacity in CAPACITIES]
