"""The number of rejections is what is new since the last look, not since the episode began.

Breaks: EDGE-1
Killed by: adapters.edges_model, adapters.edges_callbacks
"""

from ...mutants import Patch

BREAKS = ("EDGE-1",)
KILLED_BY = ("adapters.edges_model", "adapters.edges_callbacks")
PATCHES = (
    Patch(
        "adapters/edges.py",
        'edge = Edge("left", full - before, reading',
        'edge = Edge("left", full - last, reading',
    ),
)
