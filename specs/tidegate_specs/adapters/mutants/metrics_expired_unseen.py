"""What expired is not shown.

Breaks: METRICS-1
Killed by: adapters.metrics_model
"""

from ...mutants import Patch

BREAKS = ("METRICS-1",)
KILLED_BY = ("adapters.metrics_model",)
PATCHES = (
    Patch(
        "adapters/_figures.py",
        '        ("expired",),\n',
        "",
    ),
)
