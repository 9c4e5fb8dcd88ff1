"""A caller whose item another took is refused, instead of offering again: those who held all slots may have left long ago.

Breaks: BULKHEAD-1
Killed by: adapters.bulkhead_sweep
"""

from ...mutants import Patch

BREAKS = ("BULKHEAD-1",)
KILLED_BY = ("adapters.bulkhead_sweep",)
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        "                if refusal is not None:\n                    return refusal\n",
        "                return refusal or Outcome.FULL\n",
    ),
)
