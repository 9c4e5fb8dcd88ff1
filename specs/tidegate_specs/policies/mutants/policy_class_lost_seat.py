"""The seat of a lease that is dropped is lost.

Breaks: CLASS-2
Killed by: policies.admission_lockstep, policies.seats_dropped, policies.seats_interrupted
"""

from ...mutants import Patch

BREAKS = ("CLASS-2",)
KILLED_BY = ("policies.admission_lockstep", "policies.seats_dropped", "policies.seats_interrupted")
PATCHES = (
    Patch(
        "policies/_seats.py",
        '    kind.__del__ = property(attrgetter("seats.capacity", "twin.home.over"))\n',
        "",
    ),
)
