"""An entry that is interrupted after close leaves its item in the queue: whoever drains waits for it for ever.

Breaks: BULKHEAD-2
Killed by: adapters.bulkhead_sweep
"""

from ...mutants import Patch

BREAKS = ("BULKHEAD-2",)
KILLED_BY = ("adapters.bulkhead_sweep",)
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        "                if self._closed:\n                    self._empty()  # whoever",
        "                if False:\n                    self._empty()  # whoever",
    ),
)
