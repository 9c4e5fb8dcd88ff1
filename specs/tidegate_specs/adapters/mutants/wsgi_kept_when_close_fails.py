"""A response whose `close` fails keeps its slot until it is forgotten.

Breaks: WEB-2
Killed by: adapters.wsgi_model, adapters.wsgi_sweep
"""

from ...mutants import Patch

BREAKS = ("WEB-2",)
KILLED_BY = ("adapters.wsgi_model", "adapters.wsgi_sweep")
PATCHES = (
    Patch(
        "adapters/wsgi.py",
        (
            "            if close is not None:\n"
            "                close()\n"
            "        finally:\n"
            "            end_early(self._lease)  # unless it was read to its end\n"
        ),
        (
            "            if close is not None:\n"
            "                close()\n"
            "            self._lease.release()\n"
            "        finally:\n"
            "            pass\n"
        ),
    ),
)
