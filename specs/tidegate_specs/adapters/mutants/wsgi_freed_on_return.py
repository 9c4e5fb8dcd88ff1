"""The slot is free when the application returned, not when its response was closed, as with a semaphore around the call: responses
that are generated while they are sent are not limited.

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
            "        try:\n"
            "            body = self._app(environ, start_response)\n"
            "            return (_SizedResponse if isinstance(body, Sized) else _Response)(body, lease)\n"
            "        except BaseException:\n"
            "            end_early(lease)\n"
            "            raise\n"
        ),
        ("        with lease:\n            return self._app(environ, start_response)\n"),
    ),
)
