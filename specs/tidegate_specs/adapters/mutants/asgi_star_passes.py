"""`OPTIONS *`, authorities and paths without a slash match no prefix, not even "/": the wall has an open door.

Breaks: WEB-1
Killed by: adapters.asgi_model, adapters.wsgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.asgi_model", "adapters.wsgi_model")
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        '    return path if path.startswith("/") else "/" + path\n',
        "    return path\n",
    ),
)
