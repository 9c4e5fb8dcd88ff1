"""Offers to a closed intake are shown as rejections for want of a slot: a shutdown looks like overload.

Breaks: METRICS-1
Killed by: adapters.metrics_model
"""

from ...mutants import Patch

BREAKS = ("METRICS-1",)
KILLED_BY = ("adapters.metrics_model",)
PATCHES = (
    Patch(
        "adapters/metrics.py",
        "                    family.add_metric([name, value_of(field)] if figure.label else [name], getattr(statistics, field))\n",
        (
            "                    value = getattr(statistics, field) + (statistics.closed if field == 'full' else 0)\n"
            "                    family.add_metric([name, value_of(field)] if figure.label else [name], value)\n"
        ),
    ),
)
