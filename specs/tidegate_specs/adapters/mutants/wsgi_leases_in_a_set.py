"""Leases are kept in a set, which is tidied up on close: an exception just after the lease was added leaves it there for ever.

Breaks: WEB-2
Killed by: adapters.wsgi_sweep
"""

from ...mutants import Patch

BREAKS = ("WEB-2",)
KILLED_BY = ("adapters.wsgi_sweep",)
PATCHES = (
    Patch(
        "adapters/wsgi.py",
        "        self._app = app\n",
        ("        self._app = app\n        self._inside: set[object] = set()\n"),
    ),
    Patch(
        "adapters/wsgi.py",
        "        try:\n            body = self._app",
        ("        self._inside.add(lease)\n        try:\n            body = self._app"),
    ),
    Patch(
        "adapters/wsgi.py",
        "body, lease)\n",
        "body, _Tidy(lease, self._inside))\n",
    ),
    Patch(
        "adapters/wsgi.py",
        ("            end_early(lease)\n            raise\n"),
        ("            _Tidy(lease, self._inside).release()\n            raise\n"),
    ),
    Patch(
        "adapters/wsgi.py",
        "class _Response:\n",
        (
            "class _Tidy:\n"
            "    def __init__(self, lease: Any, inside: set[object]) -> None:\n"
            "        self._lease, self._inside = lease, inside\n"
            "\n"
            "    def release(self, **_: object) -> None:\n"
            "        self._inside.discard(self._lease)\n"
            "        self._lease.release()\n"
            "\n"
            "\n"
            "class _Response:\n"
        ),
    ),
)
