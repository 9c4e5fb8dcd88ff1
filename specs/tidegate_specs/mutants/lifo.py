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
        "NOTHING: Final = object()",
        (
            "from queue import Empty, LifoQueue\n\n"
            "from tidegate_specs.stand_ins import TimeIsOver\n\n"
            "class Stack(LifoQueue):\n"
            "    def get(self, block=True, timeout=None):\n"
            "        try:\n"
            "            return super().get(block, timeout)\n"
            "        except Empty:\n"
            "            raise TimeIsOver from None  # as C does, or the wait would be taken for an interrupted one\n\n"
            "NOTHING: Final = object()"
        ),
    ),
    Patch(
        "_slots.py",
        "self.queue: Final[SimpleQueue[Token | None]] = SimpleQueue()",
        "self.queue = Stack()",
    ),
)
