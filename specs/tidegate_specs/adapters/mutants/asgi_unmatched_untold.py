"""A rule counts as matched from the start: nobody hears of one that is misspelled.

Breaks: WEB-1
Killed by: adapters.asgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.asgi_model",)
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        "prefix, begin, bulkhead, False\n",
        "prefix, begin, bulkhead, True\n",
    ),
)
