"""A response that was read to its end keeps its slot until it is closed: behind bridges, which never close, every request is
counted as abandoned.

Breaks: WEB-2
Killed by: adapters.wsgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-2",)
KILLED_BY = ("adapters.wsgi_model",)
PATCHES = (
    Patch(
        "adapters/wsgi.py",
        ("            yield piece\n        self._lease.release()\n"),
        "            yield piece\n",
    ),
)
