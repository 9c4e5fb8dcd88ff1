"""Overload ends as soon as one look finds nothing new, although every slot is still held: pauses between offers make episodes.

Breaks: EDGE-1
Killed by: adapters.edges_model
"""

from ...mutants import Patch

BREAKS = ("EDGE-1",)
KILLED_BY = ("adapters.edges_model",)
PATCHES = (
    Patch(
        "adapters/edges.py",
        "        elif full == last and reading.free:\n",
        "        elif full == last:\n",
    ),
)
