"""The slot is given back after the application returned, and not when it fails or is cancelled: it is held until the exception is
forgotten.

Breaks: WEB-2
Killed by: adapters.asgi_model, adapters.asgi_sweep
"""

from ...mutants import Patch

BREAKS = ("WEB-2",)
KILLED_BY = ("adapters.asgi_model", "adapters.asgi_sweep")
PATCHES = (
    Patch(
        "adapters/asgi.py",
        (
            "        with lease:\n"
            "            await self._app(scope, receive, send)\n"
            '            if kind == "websocket":\n'
            "                end_early(lease)\n"
        ),
        ("        await self._app(scope, receive, send)\n        lease.release()\n"),
    ),
)
