"""The note of an interrupted entry is spent by the first refusal that looks: of two slots left behind one is lost.

Breaks: BULKHEAD-2
Killed by: adapters.bulkhead_model, adapters.bulkhead_sweep
"""

from ...mutants import Patch

BREAKS = ("BULKHEAD-2",)
KILLED_BY = ("adapters.bulkhead_model", "adapters.bulkhead_sweep")
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        "                        return refusal\n                lease",
        "                        return refusal\n                    self._interrupted = False\n                lease",
    ),
)
