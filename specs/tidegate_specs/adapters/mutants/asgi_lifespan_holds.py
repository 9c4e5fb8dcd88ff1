"""The lifespan holds a slot, as a request does: one slot is out of use for as long as the server runs.

Breaks: WEB-1, WEB-2
Killed by: adapters.asgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-1", "WEB-2")
KILLED_BY = ("adapters.asgi_model",)
PATCHES = (
    Patch(
        "adapters/asgi.py",
        'scope["path"], scope.get("root_path") or "") if limited else None',
        'scope.get("path", "/"), scope.get("root_path") or "")',
    ),
)
