"""A watch that is left by a GeneratorExit is taken for one that was dropped: nobody waits for its last edge.

Breaks: EDGE-1
Killed by: adapters.edges_callbacks
"""

from ...mutants import Patch

BREAKS = ("EDGE-1",)
KILLED_BY = ("adapters.edges_callbacks",)
PATCHES = (
    Patch(
        "adapters/edges.py",
        "not sys.is_finalizing()",
        "exc_info[0] is not GeneratorExit",
    ),
)
