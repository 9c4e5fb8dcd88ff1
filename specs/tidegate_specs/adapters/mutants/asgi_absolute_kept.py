"""An absolute target (`GET http://host/a`) is not reduced to its path: it is held by "/" at most, and by no rule of its own.

Breaks: WEB-1
Killed by: adapters.asgi_model, adapters.wsgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.asgi_model", "adapters.wsgi_model")
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        "    path = _without_authority(path)\n",
        "",
    ),
)
