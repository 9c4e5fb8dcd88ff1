"""Every bound on something counted fails on something real: a planted fault in the kernel, or a queue that people use.

The bounds on time and memory are broken by `tidegate stress --break`, which says UNKNOWN where the machine is too busy to tell.
"""

import io

import pytest

from tidegate_specs.check import Verdict
from tidegate_stress.lab.bounds import BOUNDS, EXACT
from tidegate_stress.lab.laboratory import Laboratory
from tidegate_stress.lab.show import PlainWatcher


@pytest.mark.parametrize("name", sorted(EXACT))
def test_something_breaks_it(name: str) -> None:
    told = io.StringIO()
    laboratory = Laboratory("quick", 0, PlainWatcher(told))
    laboratory.break_bounds([name])
    assert len(laboratory.broken) == len(BOUNDS[name].broken_by)
    assert all(finding.verdict is Verdict.ILLEGAL for finding in laboratory.broken), told.getvalue()
