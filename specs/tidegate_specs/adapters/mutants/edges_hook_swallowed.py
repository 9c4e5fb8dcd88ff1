"""What a broken hook raises is swallowed, and with it what it was to report.

Breaks: EDGE-1
Killed by: adapters.edges_callbacks
"""

from ...mutants import Patch

BREAKS = ("EDGE-1",)
KILLED_BY = ("adapters.edges_callbacks",)
PATCHES = (
    Patch(
        "adapters/edges.py",
        "            sys.excepthook(type(error), error, error.__traceback__)\n",
        "            del error\n",
    ),
)
