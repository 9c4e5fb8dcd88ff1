"""The collector counts what went by between its readings instead of giving what they say: a gauge that drifts.

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
            "                    value = getattr(statistics, field)\n"
            "                    if field == 'in_flight':\n"
            "                        seen = self.__dict__.setdefault('seen', {})\n"
            "                        value = seen[name] = max(0, seen.get(name, 0) + (1 if value else -1))\n"
            "                    family.add_metric([name, value_of(field)] if figure.label else [name], value)\n"
        ),
    ),
)
