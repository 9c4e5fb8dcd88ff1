"""The time of every refusal is kept.

Breaks: WEB-3
Killed by: adapters.wsgi_retry_after
"""

from ...mutants import Patch

BREAKS = ("WEB-3",)
KILLED_BY = ("adapters.wsgi_retry_after",)
PATCHES = (
    Patch("adapters/_retry.py", '("bulkhead", "interval", "wait_s")', '("bulkhead", "interval", "kept", "wait_s")'),
    Patch(
        "adapters/_retry.py",
        "        self.interval: tuple[float, int] | None = None\n",
        "        self.interval: tuple[float, int] | None = None\n        self.kept: list[float] = []\n",
    ),
    Patch(
        "adapters/_retry.py",
        "        interval = self.interval\n",
        "        interval = self.interval\n        self.kept.append(now + 0.5)\n",
    ),
)
