"""An offer refuses while one slot is still free: an off-by-one at the limit, which rejects everything at capacity 1.

Breaks: EXACT-1
Killed by: scenarios.12, stateful.enumeration, contracts.offers, sweeps.freeze, sweeps.reentry
"""

from . import Patch

BREAKS = ("EXACT-1",)
KILLED_BY = ("scenarios.12", "stateful.enumeration", "contracts.offers", "sweeps.freeze", "sweeps.reentry")
PATCHES = (
    Patch(
        "_intake.py",
        "if free and not slots.closed:",
        "if len(slots.free) > 1 and not slots.closed:",
    ),
)
