"""On a clock that runs backwards items expire.

Breaks: ASYNC-4
Killed by: adapters.aio_expiry
"""

from ...mutants import Patch

BREAKS = ("ASYNC-4",)
KILLED_BY = ("adapters.aio_expiry",)
PATCHES = (
    Patch(
        "adapters/_patience.py",
        "age = monotonic() - since",
        "age = abs(monotonic() - since)",
    ),
)
