"""The time is not capped: a bulkhead in which nothing ends sends its clients away for ever longer.

Breaks: WEB-3
Killed by: adapters.asgi_retry_after
"""

from ...mutants import Patch

BREAKS = ("WEB-3",)
KILLED_BY = ("adapters.asgi_retry_after",)
PATCHES = (
    Patch(
        "adapters/_retry.py",
        "most = min(2 * least, how.longest_s)",
        "most = 2 * ceil(wait_s) or 2",
    ),
)
