"""The slot of an application that fails is given back when its exception is forgotten, not when it was raised.

Breaks: WEB-2
Killed by: adapters.wsgi_model, adapters.wsgi_sweep
"""

from ...mutants import Patch

BREAKS = ("WEB-2",)
KILLED_BY = ("adapters.wsgi_model", "adapters.wsgi_sweep")
PATCHES = (
    Patch(
        "adapters/wsgi.py",
        ("            end_early(lease)\n            raise\n"),
        "            raise\n",
    ),
)
