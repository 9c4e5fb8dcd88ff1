"""The finalisers of a lost token do nothing: a token dropped by an interrupted call, or with a lease, takes its slot with it.

Breaks: INTERRUPT-1, LEASE-1
Killed by: scenarios.18, stateful.enumeration, sweeps.interrupt, sweeps.storm
"""

from . import Patch

BREAKS = ("INTERRUPT-1", "LEASE-1")
KILLED_BY = ("scenarios.18", "stateful.enumeration", "sweeps.interrupt", "sweeps.storm")
PATCHES = (
    Patch(
        "_slots.py",
        "if self.generations.get(index, 0) != ",
        "if index >= 0 or self.generations.get(index, 0) != ",
    ),
)
