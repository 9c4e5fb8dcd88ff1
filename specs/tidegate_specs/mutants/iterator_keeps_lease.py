"""An iterator keeps the lease that it gave last: dropped by its worker, that lease keeps its slot until the next one is asked for.

Breaks: LEASE-1
Killed by: stateful.lockstep
"""

from . import Patch

BREAKS = ("LEASE-1",)
KILLED_BY = ("stateful.lockstep",)
PATCHES = (
    Patch(
        "_intake.py",
        "        last: list[Mark] = [[]]",
        ("        lease: Any = None\n        last: list[Mark] = [[]]"),
    ),
    Patch(
        "_intake.py",
        "        def following() -> Lease[T]:\n",
        ("        def following() -> Lease[T]:\n            nonlocal lease\n"),
    ),
)
