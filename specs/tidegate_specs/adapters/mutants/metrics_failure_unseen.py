"""A source that fails is left out in silence.

Breaks: METRICS-1
Killed by: adapters.metrics_model
"""

from ...mutants import Patch

BREAKS = ("METRICS-1",)
KILLED_BY = ("adapters.metrics_model",)
PATCHES = (
    Patch(
        "adapters/metrics.py",
        "        reading.unreadable[name] = None\n        try:\n",
        "        reading.unreadable.clear()\n        try:\n",
    ),
    Patch(
        "adapters/metrics.py",
        "            del reading.unreadable[name]\n",
        "            reading.unreadable.clear()\n",
    ),
)
