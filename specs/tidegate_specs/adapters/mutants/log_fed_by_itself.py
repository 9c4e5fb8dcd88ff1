"""What is logged while an echo is written is offered like the rest: a sink that logs into itself is fed for ever.

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
        "    return False\n",
    ),
)
