"""The note of what expired is not emptied as it is told, so that an interrupted call tells it again.

Breaks: FRESH-1
Killed by: policies.expiry_interrupted, policies.expiry_raising
"""

from ...mutants import Patch

BREAKS = ("FRESH-1",)
KILLED_BY = ("policies.expiry_interrupted", "policies.expiry_raising")
PATCHES = (
    Patch(
        "policies/freshness.py",
        "map(note.pop, (0,), (NOTHING,))",
        "map(note.get, (0,), (NOTHING,))",
    ),
)
