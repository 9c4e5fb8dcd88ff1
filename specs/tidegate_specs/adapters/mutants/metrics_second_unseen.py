"""A second mapping on one meter is given to instruments that OpenTelemetry does not keep, and is never seen.

Breaks: METRICS-1
Killed by: adapters.metrics_model
"""

from ...mutants import Patch

BREAKS = ("METRICS-1",)
KILLED_BY = ("adapters.metrics_model",)
PATCHES = (
    Patch(
        "adapters/metrics.py",
        "                if other.shows(instrument):\n",
        "                if other is instrument:\n",
    ),
)
