"""What threads do with somebody else's intake, under every schedule: short plays of two threads each."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Play:
    """Say who calls what on an intake of this capacity, in which so many items are already.

    threads: the calls of each, of "offer ITEM", "take" (what is there), "wait" (take, without limit) and "close".
    """

    name: str
    capacity: int
    filled: int
    threads: tuple[tuple[str, ...], ...]


OFFERS: Final = (
    Play("two offers for one slot", 1, 0, (("offer a",), ("offer b",))),
    Play("two offers for two slots", 2, 0, (("offer a",), ("offer b",))),
    Play("two offers for the last of two slots", 2, 1, (("offer a",), ("offer b",))),
)
TAKES: Final = (
    Play("a take beside an offer", 1, 0, (("offer a",), ("take",))),
    Play("a take beside an offer when full", 1, 1, (("offer a",), ("take",))),
    Play("a take beside an offer for the other slot", 2, 1, (("offer a",), ("take",))),
    Play("two takes of two items", 2, 2, (("take",), ("take",))),
    Play("two takes of one item", 1, 1, (("take",), ("take",))),
)
WAITS: Final = (
    Play("a take that waits for an offer", 1, 0, (("wait",), ("offer a",))),
    Play("a take that waits beside one that does not", 1, 1, (("take", "offer a"), ("wait",))),
)
CLOSES: Final = (
    Play("a close beside an offer", 1, 0, (("close",), ("offer a",))),
    Play("a close beside a take that waits", 1, 0, (("close",), ("wait",))),
    Play("a close beside the last take", 1, 1, (("close",), ("wait",))),
)
