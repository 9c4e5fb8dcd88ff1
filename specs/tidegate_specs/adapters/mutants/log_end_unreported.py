"""A listener that stops does not look again: an episode that is open then is never reported as over.

Breaks: LOG-2
Killed by: adapters.log_model
"""

from ...mutants import Patch

BREAKS = ("LOG-2",)
KILLED_BY = ("adapters.log_model",)
PATCHES = (
    Patch(
        "adapters/log.py",
        '                for _ in ("entered", "left"):',
        "                for _ in ():",
    ),
)
