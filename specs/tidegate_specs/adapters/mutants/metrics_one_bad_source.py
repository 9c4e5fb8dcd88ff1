"""One source that fails takes the figures of all others with it.

Breaks: METRICS-1
Killed by: adapters.metrics_model
"""

from ...mutants import Patch

BREAKS = ("METRICS-1",)
KILLED_BY = ("adapters.metrics_model",)
PATCHES = (
    Patch(
        "adapters/metrics.py",
        "        except Exception:  # noqa: BLE001 - whatever a source of the host's raises, the others are shown\n",
        "        except KeyboardInterrupt:\n",
    ),
)
