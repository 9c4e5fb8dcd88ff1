"""All refused clients are told the same time, and come back together.

Breaks: WEB-3
Killed by: adapters.wsgi_retry_after
"""

from ...mutants import Patch

BREAKS = ("WEB-3",)
KILLED_BY = ("adapters.wsgi_retry_after",)
PATCHES = (
    Patch(
        "adapters/_retry.py",
        "int(how.chance() * (most - least + 1))",
        "0",
    ),
)
