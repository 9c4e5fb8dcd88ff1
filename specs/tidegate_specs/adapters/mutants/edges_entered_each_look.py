"""Every look that finds new rejections tells of overload, as limiters do that publish an event for each refused call.

Breaks: EDGE-1
Killed by: adapters.edges_model
"""

from ...mutants import Patch

BREAKS = ("EDGE-1",)
KILLED_BY = ("adapters.edges_model",)
PATCHES = (
    Patch(
        "adapters/edges.py",
        ("        if before is None:\n            if full > last:\n                before = last\n"),
        (
            "        if before is None or full > last:\n"
            "            if full > last:\n"
            "                before = last if before is None else before\n"
        ),
    ),
)
