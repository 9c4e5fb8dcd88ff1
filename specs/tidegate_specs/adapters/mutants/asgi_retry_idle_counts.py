"""Idle time counts as slow work: after a quiet hour clients are sent away for the longest time.

Breaks: WEB-3
Killed by: adapters.asgi_retry_after
"""

from ...mutants import Patch

BREAKS = ("WEB-3",)
KILLED_BY = ("adapters.asgi_retry_after",)
PATCHES = (
    Patch(
        "adapters/_retry.py",
        "SHORTEST_S <= lasted <= LONGEST_S",
        "SHORTEST_S <= lasted",
    ),
)
