"""Every bound on something counted fails on something real: a planted fault in the kernel, or a queue that people use.

The bounds on time and memory are broken by `tidegate stress --break`, which says UNKNOWN where the machine is too busy to tell.
"""

import io
from collections.abc import Sequence
from functools import partial

import pytest

from tidegate_specs.check import Verdict
from tidegate_stress.lab import drive, laboratory
from tidegate_stress.lab.bounds import BOUNDS, EXACT
from tidegate_stress.lab.case import Case, Result
from tidegate_stress.lab.show import PlainWatcher


def run_here(cases: Sequence[Case], *_told: object) -> list[Result]:
    """Run cases in this process, where the waits below can be shortened."""
    return [drive.Drive(case, lambda _event: None).run() for case in cases]


@pytest.mark.parametrize("name", sorted(EXACT))
def test_something_breaks_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laboratory, "run_cases", run_here)
    monkeypatch.setattr(drive, "AFTER_S", 0.5)  # some wait in vain for what was lost
    monkeypatch.setattr(drive, "sustained_rate", partial(drive.sustained_rate, seconds=0.1))
    told = io.StringIO()
    found = laboratory.Laboratory("quick", 0, PlainWatcher(told))
    found.break_bounds([name])
    assert len(found.broken) == len(BOUNDS[name].broken_by)
    assert all(finding.verdict is Verdict.ILLEGAL for finding in found.broken), told.getvalue()
