"""The body is read before the request is refused: a refusal takes as long as the slowest client likes.

Breaks: WEB-1
Killed by: adapters.asgi_model, adapters.asgi_sweep
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.asgi_model", "adapters.asgi_sweep")
PATCHES = (
    Patch(
        "adapters/asgi.py",
        "                await self._refuse(bulkhead, scope, send)\n",
        "                await receive()\n                await self._refuse(bulkhead, scope, send)\n",
    ),
)
