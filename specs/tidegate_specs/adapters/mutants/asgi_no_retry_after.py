"""The refusal does not say when to come back.

Breaks: WEB-1
Killed by: adapters.asgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.asgi_model",)
PATCHES = (
    Patch(
        "adapters/asgi.py",
        "in self._busy.headers(bulkhead)]",
        "in self._busy.headers(bulkhead)[:-1]]",
    ),
)
