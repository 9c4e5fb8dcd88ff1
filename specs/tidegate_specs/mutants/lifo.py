"""The queue gives the item accepted last instead of the one accepted first.

Breaks: LOCAL-1, LATENCY-1
Killed by: scenarios.26, stateful.enumeration, contracts.offers, overload.latency
"""

from . import Patch

BREAKS = ("LOCAL-1", "LATENCY-1")
KILLED_BY = ("scenarios.26", "stateful.enumeration", "contracts.offers", "overload.latency")
PATCHES = (
    Patch(
        "_slots.py",
        "import weakref\n",
        ("import weakref\nfrom queue import LifoQueue\n"),
    ),
    Patch(
        "_slots.py",
        "self.queue: Final[SimpleQueue[Token | None]] = SimpleQueue()",
        "self.queue = LifoQueue()",
    ),
)
