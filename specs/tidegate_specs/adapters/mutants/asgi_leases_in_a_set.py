"""Leases are kept in a set, which is tidied up in a `finally`: an exception just before its `try` leaves one in the set for ever.

Breaks: WEB-2
Killed by: adapters.asgi_sweep
"""

from ...mutants import Patch

BREAKS = ("WEB-2",)
KILLED_BY = ("adapters.asgi_sweep",)
PATCHES = (
    Patch(
        "adapters/asgi.py",
        "        self._app = app\n",
        ("        self._app = app\n        self._inside: set[object] = set()\n"),
    ),
    Patch(
        "adapters/asgi.py",
        ("        with lease:\n            await self._app(scope, receive, send)\n"),
        (
            "        self._inside.add(lease)\n"
            "        try:\n"
            "            await self._app(scope, receive, send)\n"
            "        finally:\n"
            "            self._inside.discard(lease)\n"
            "            lease.release()\n"
        ),
    ),
)
