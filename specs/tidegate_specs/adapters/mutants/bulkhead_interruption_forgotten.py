"""An interrupted entry leaves no note: what it left in the queue is never looked for, and its slot is lost.

Breaks: BULKHEAD-2
Killed by: adapters.bulkhead_model, adapters.bulkhead_sweep
"""

from ...mutants import Patch

BREAKS = ("BULKHEAD-2",)
KILLED_BY = ("adapters.bulkhead_model", "adapters.bulkhead_sweep")
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        "                self._interrupted = True\n",
        "",
    ),
)
