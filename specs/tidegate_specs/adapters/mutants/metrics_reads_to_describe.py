"""Registering the collector reads the statistics, and what it gives then is a reading nobody asked for.

Breaks: METRICS-1
Killed by: adapters.metrics_model
"""

from ...mutants import Patch

BREAKS = ("METRICS-1",)
KILLED_BY = ("adapters.metrics_model",)
PATCHES = (
    Patch(
        "adapters/metrics.py",
        "        return list(self._collect(_Reading({}, {})))\n",
        "        return self.collect()\n",
    ),
)
