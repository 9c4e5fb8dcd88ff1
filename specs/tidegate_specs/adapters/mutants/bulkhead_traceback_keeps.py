"""An entry that is interrupted with a lease leaves it to the traceback: while a server logs that, the slot is lost.

Breaks: BULKHEAD-2
Killed by: adapters.bulkhead_sweep
"""

from ...mutants import Patch

BREAKS = ("BULKHEAD-2",)
KILLED_BY = ("adapters.bulkhead_sweep",)
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        (
            "                if lease is not NO_LEASE:\n"
            "                    lease.release()  # the traceback may keep it\n"
            "                _let_go("
        ),
        "                _let_go(",
    ),
)
