"""What is not limited is so by its spelling: `/healthz/../reports` goes past every bulkhead.

Breaks: WEB-1
Killed by: adapters.asgi_model, adapters.wsgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.asgi_model", "adapters.wsgi_model")
PATCHES = (
    Patch(
        "adapters/bulkhead.py",
        " and not (dots and rule.bulkhead is None):",
        ":",
    ),
)
