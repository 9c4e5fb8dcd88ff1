"""The refusal does not say when to come back.

Breaks: WEB-1
Killed by: adapters.asgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.asgi_model",)
PATCHES = (
    Patch(
        "adapters/asgi.py",
        "in busy_headers(retry_after_s)]",
        "in busy_headers(retry_after_s)[:-1]]",
    ),
)
