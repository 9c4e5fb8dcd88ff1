"""Every instrument of OpenTelemetry reads the statistics for itself: the figures of one collection do not add up.

Breaks: METRICS-1
Killed by: adapters.metrics_model
"""

from ...mutants import Patch

BREAKS = ("METRICS-1",)
KILLED_BY = ("adapters.metrics_model",)
PATCHES = (
    Patch(
        "adapters/metrics.py",
        "        if not self._asked or figure.opentelemetry in self._asked:",
        "        if True:",
    ),
)
