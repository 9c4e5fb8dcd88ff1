"""The refused offer itself looks for the edge: what the watch does, and whatever goes wrong in it, is the producer's.

Breaks: EDGE-1
Killed by: adapters.edges_model
"""

from ...mutants import Patch

BREAKS = ("EDGE-1",)
KILLED_BY = ("adapters.edges_model",)
PATCHES = (
    Patch(
        "_intake.py",
        "            outcome, rejections = FULL, next(slots.answered_full)\n",
        (
            "            outcome, rejections = FULL, next(slots.answered_full)\n"
            "            from .adapters import edges\n"
            "\n"
            "            for watch in edges.WATCHES:\n"
            "                watch.look_inside()\n"
        ),
    ),
    Patch(
        "adapters/edges.py",
        "    def look(self) -> Edge | None:\n",
        (
            "    def look_inside(self) -> None:\n"
            "        self._inside = self._source.statistics()\n"
            "\n"
            "    def look(self) -> Edge | None:\n"
        ),
    ),
    Patch(
        "adapters/edges.py",
        '    __slots__ = ("_source", "_state")\n',
        '    __slots__ = ("_inside", "_source", "_state")\n',
    ),
    Patch(
        "adapters/edges.py",
        "        self._source: Final = source\n",
        "        self._source: Final = source\n        WATCHES[:] = [self]\n",
    ),
    Patch(
        "adapters/edges.py",
        "@runtime_checkable\n",
        "WATCHES = []\n\n\n@runtime_checkable\n",
    ),
)
