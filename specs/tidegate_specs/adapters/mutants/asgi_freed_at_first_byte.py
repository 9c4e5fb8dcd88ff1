"""The slot is free when the response begins, not when it has ended, as with a limit around a call that returns a response object:
streams are not limited.

Breaks: WEB-2
Killed by: adapters.asgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-2",)
KILLED_BY = ("adapters.asgi_model",)
PATCHES = (
    Patch(
        "adapters/asgi.py",
        ("        with lease:\n            await self._app(scope, receive, send)\n"),
        (
            "        async def begin(message: Message) -> None:\n"
            "            await send(message)\n"
            "            lease.release()\n"
            "\n"
            "        with lease:\n"
            "            await self._app(scope, receive, begin)\n"
        ),
    ),
)
