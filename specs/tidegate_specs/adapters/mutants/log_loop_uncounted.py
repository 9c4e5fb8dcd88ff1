"""A record that a sink logs in a loop is dropped, and counted nowhere.

Breaks: LOG-1
Killed by: adapters.log_model
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_model",)
PATCHES = (
    Patch(
        "adapters/_records.py",
        "        loop.dropped += 1\n",
        "        loop.dropped += 0\n",
    ),
)
