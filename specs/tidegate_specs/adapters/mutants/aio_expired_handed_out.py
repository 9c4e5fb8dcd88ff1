"""Items that have waited for longer than their patience are handed out.

Breaks: ASYNC-4
Killed by: adapters.aio_expiry
"""

from ...mutants import Patch

BREAKS = ("ASYNC-4",)
KILLED_BY = ("adapters.aio_expiry",)
PATCHES = (
    Patch(
        "adapters/_patience.py",
        "or not self.expire(",
        "or self.patience_s or not self.expire(",
    ),
)
