"""Refusals wait for each other, by a lock around the interval.

Breaks: WEB-3
Killed by: adapters.asgi_retry_after
"""

from ...mutants import Patch

BREAKS = ("WEB-3",)
KILLED_BY = ("adapters.asgi_retry_after",)
PATCHES = (
    Patch("adapters/_retry.py", "from math import ceil\n", "from math import ceil\nfrom threading import Lock\n"),
    Patch("adapters/_retry.py", '("bulkhead", "interval", "wait_s")', '("bulkhead", "interval", "lock", "wait_s")'),
    Patch(
        "adapters/_retry.py",
        "        self.interval: tuple[float, int] | None = None\n",
        "        self.interval: tuple[float, int] | None = None\n        self.lock = Lock()\n",
    ),
    Patch(
        "adapters/_retry.py",
        "            self.interval = now, ended\n",
        "            with self.lock:\n                self.interval = now, ended\n",
    ),
)
