"""The buckets of the histogram hold each its own items only, and not those that waited for less.

Breaks: METRICS-1
Killed by: adapters.metrics_model
"""

from ...mutants import Patch

BREAKS = ("METRICS-1",)
KILLED_BY = ("adapters.metrics_model",)
PATCHES = (
    Patch(
        "adapters/metrics.py",
        "numbers = accumulate(number for _, number in waited)",
        "numbers = [number for _, number in waited]",
    ),
)
