"""`stop` goes on after an exception that arrives while it writes in its caller's thread: Ctrl-C is lost.

Breaks: LOG-1
Killed by: adapters.log_interrupt
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_interrupt",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "            self._work(_call, deadline)\n",
        "            self._work(attempt, deadline)\n",
    ),
)
