"""The response gives out the iterator of what it wraps: a server that keeps only that frees the slot before the first piece.

Breaks: WEB-2
Killed by: adapters.wsgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-2",)
KILLED_BY = ("adapters.wsgi_model",)
PATCHES = (
    Patch(
        "adapters/wsgi.py",
        (
            "        for piece in self._body:  # noqa: UP028 - `yield from` would close the body a second time\n"
            "            yield piece\n"
        ),
        "        return iter(self._body)\n",
    ),
)
