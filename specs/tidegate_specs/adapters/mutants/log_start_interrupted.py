"""A start that was interrupted leaves a listener that is neither started nor can be.

Breaks: LOG-1
Killed by: adapters.log_model
"""

from ...mutants import Patch

BREAKS = ("LOG-1",)
KILLED_BY = ("adapters.log_model",)
PATCHES = (
    Patch(
        "adapters/log.py",
        "        elif term.announced:\n",
        "        elif term is not None:\n",
    ),
)
