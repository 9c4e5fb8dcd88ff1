"""The root is taken away wherever the path begins with it, also within a segment: `/reports` below `/r` is `eports`.

Breaks: WEB-1
Killed by: adapters.asgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.asgi_model",)
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        ('        if rest[:1] in {"", "/"} or root.endswith("/"):\n            path = rest\n'),
        "        path = rest\n",
    ),
)
