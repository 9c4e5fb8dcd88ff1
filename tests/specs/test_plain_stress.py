"""Plain stress lets the kernel live, and finds what is not a matter of luck."""

import re

import pytest

import tidegate
from tidegate_specs import plain_stress
from tidegate_specs.check import Settings, Verdict
from tidegate_specs.mutation import patching
from tidegate_specs.plain_stress import CHECKS, stress


def test_the_kernel_passes() -> None:
    (check,) = CHECKS
    result = check.run(tidegate, Settings())
    assert (result.verdict, result.witness) == (Verdict.OK, "")
    assert int(result.evidence.partition(" ")[0].replace(",", "")) > 0


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("extra_slot", "is held|are held|add up|afterwards"),
        ("uncounted_rejection", "closed is 0, not"),
        ("abandoned_as_released", "abandoned is 0, not"),
        ("double_release", ""),  # which of its many consequences shows first is a race
        ("peak_forgets", "a count went down"),
        ("raising_rejection", "producer [012]: Full"),
    ],
)
def test_faults_that_are_there_every_time_are_found(name: str, fault: str) -> None:
    subject = patching.load_mutant(name)
    rounds, found = stress(subject, 20.0)
    patching.unload(f"tidegate_mutant_{name}")
    assert found.startswith(f"round {rounds}, capacity ")
    assert re.search(fault, found), found


def test_a_hang_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_stress, "ROUND_LIMIT_S", 1.0)
    _, found = stress(patching.load_mutant("close_wakes_nobody"), 20.0)
    patching.unload("tidegate_mutant_close_wakes_nobody")
    assert "taker" in found
    assert "did not end within 1 s" in found
