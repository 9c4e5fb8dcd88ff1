"""Clients are told the wait of whichever bulkhead stands first.

Breaks: WEB-3
Killed by: adapters.wsgi_retry_after
"""

from ...mutants import Patch

BREAKS = ("WEB-3",)
KILLED_BY = ("adapters.wsgi_retry_after",)
PATCHES = (
    Patch(
        "adapters/_retry.py",
        "self._waits[id(bulkhead)].at(",
        "next(iter(self._waits.values())).at(",
    ),
)
