"""Paths are compared with the SCRIPT_NAME before them: in a mounted application no rule matches.

Breaks: WEB-1
Killed by: adapters.wsgi_model
"""

from ...mutants import Patch

BREAKS = ("WEB-1",)
KILLED_BY = ("adapters.wsgi_model",)
PATCHES = (
    Patch(
        "adapters/wsgi.py",
        'environ.get("PATH_INFO", "").encode',
        '(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode',
    ),
)
