"""What is owed to be told is forgotten by the next call.

Breaks: FRESH-1
Killed by: policies.expiry_interrupted
"""

from ...mutants import Patch

BREAKS = ("FRESH-1",)
KILLED_BY = ("policies.expiry_interrupted",)
PATCHES = (
    Patch(
        "policies/freshness.py",
        "            self._tell(owed.get(key, {}), alone=False)\n",
        "",
    ),
)
