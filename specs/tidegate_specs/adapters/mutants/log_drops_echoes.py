"""Whatever the listener's thread logs is dropped, also what a finaliser logs that happens to run there.

Breaks: LOG-1
Killed by: adapters.log_model
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_model",)
PATCHES = (
    Patch(
        "adapters/_records.py",
        "    return echo\n",
        "    return True\n",
    ),
)
