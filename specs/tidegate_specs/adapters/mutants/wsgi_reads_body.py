"""The body is read before the request is refused: a refusal takes as long as the slowest client likes.

Breaks: WEB-1
Killed by: adapters.wsgi_model, adapters.wsgi_sweep
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.wsgi_model", "adapters.wsgi_sweep")
PATCHES = (
    Patch(
        "adapters/wsgi.py",
        "            start_response(self._busy.line",
        '            environ["wsgi.input"].read()\n            start_response(self._busy.line',
    ),
)
