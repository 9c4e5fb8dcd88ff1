"""A released lease still gives what its slot holds: by now another offer's item.

Breaks: LEASE-1, LOCAL-1
Killed by: stateful.lockstep
"""

from . import Patch

BREAKS = ("LEASE-1", "LOCAL-1")
KILLED_BY = ("stateful.lockstep",)
PATCHES = (
    Patch(
        "_intake.py",
        'raise ValueError("this lease is released, its item is gone") from None',
        "pass",
    ),
)
