"""A WebSocket is refused by accepting and closing it: its client thinks that it is connected, and no 503 is seen.

Breaks: WEB-1
Killed by: adapters.asgi_model, adapters.asgi_sweep
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.asgi_model", "adapters.asgi_sweep")
PATCHES = (
    Patch(
        "adapters/asgi.py",
        '                await send({"type": "websocket.close"',
        '                await send({"type": "websocket.accept"})\n                await send({"type": "websocket.close"',
    ),
)
