"""Paths are compared with the root that the server was told: below `--root-path` and in mounted applications no rule matches.

Breaks: WEB-1
Killed by: adapters.asgi_model, adapters.asgi_sweep
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.asgi_model", "adapters.asgi_sweep")
PATCHES = (
    Patch(
        "adapters/asgi.py",
        'scope["path"], scope.get("root_path") or "")',
        'scope["path"])',
    ),
)
