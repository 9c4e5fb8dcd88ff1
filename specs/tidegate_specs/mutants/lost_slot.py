"""Each release starts a new generation of the slot but leaves the old one in its token. The token works on, yet its finaliser now
believes that a successor owns the slot: after its first cycle a slot whose lease is dropped is lost.

Breaks: BOUND-2, LEASE-1, RECOVER-1
Killed by: scenarios.08, stateful.enumeration
"""

from . import Patch

BREAKS = ("BOUND-2", "LEASE-1", "RECOVER-1")
KILLED_BY = ("scenarios.08", "stateful.enumeration")
PATCHES = (
    Patch(
        "_intake.py",
        "slots.items[index] = NOTHING\n",
        ("slots.items[index] = NOTHING\n            slots.generations[index] = slots.generations.get(index, 0) + 1\n"),
    ),
)
