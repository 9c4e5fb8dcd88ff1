"""Every bound fails on something real: a planted fault in the kernel, or a queue that people use."""

import io

import pytest

from tidegate_specs.check import Verdict
from tidegate_stress.lab.bounds import BOUNDS
from tidegate_stress.lab.laboratory import Laboratory
from tidegate_stress.lab.show import PlainWatcher

TRIES = 3


@pytest.mark.parametrize("name", BOUNDS)
def test_something_breaks_it(name: str) -> None:
    """A fault of time may hide in the noise of a machine once, not three times. Where the machine is busy nobody can tell."""
    told = io.StringIO()
    seen: set[Verdict] = set()
    for seed in range(TRIES):
        laboratory = Laboratory("quick", seed, PlainWatcher(told))
        laboratory.break_bounds([name])
        assert len(laboratory.broken) == len(BOUNDS[name].broken_by)
        if all(finding.verdict is Verdict.ILLEGAL for finding in laboratory.broken):
            return
        seen |= {finding.verdict for finding in laboratory.broken} - {Verdict.ILLEGAL}
    if seen == {Verdict.UNKNOWN}:
        pytest.skip(f"others use the processors, the laboratory can't tell: {told.getvalue()}")
    pytest.fail(told.getvalue())
