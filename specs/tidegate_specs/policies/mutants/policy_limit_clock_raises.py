"""An exception of the clock comes out of an entry.

Breaks: POLICY-4
Killed by: policies.admission_lockstep
"""

from ...mutants import Patch

BREAKS = ("POLICY-4",)
KILLED_BY = ("policies.admission_lockstep",)
PATCHES = (
    Patch(
        "policies/_seats.py",
        "clock if clock is monotonic_ns else self._guarded_clock(clock)",
        "clock",
    ),
)
