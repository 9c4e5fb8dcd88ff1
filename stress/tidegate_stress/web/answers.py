"""Read the answers of a server, and count them."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal, NamedTuple

from ..lab.arrivals import due_times
from ..lab.case import Case, Ladder
from ..lab.histogram import Histogram, ladder
from .case import (
    CAPACITY_PER_S,
    DEADLINE_S,
    HANGING,
    POOL,
    Trouble,
    WebInterval,
)

CALM: Final = 0.5

Kind = Literal["served", "rejected", "gave up", "broken", "unsent"]


@dataclass(frozen=True, slots=True)
class Load:
    """Say what load to make. level: of the capacity, for `seconds`; then half the capacity for `after_s`."""

    port: int
    level: float
    seconds: float
    after_s: float
    seed: int = 0
    trouble: Trouble = "none"

    def due_ns(self) -> Iterator[int]:
        """Give the times at which requests are due, from the start of the load."""

        def part(seconds: float, level: float, arrivals: Literal["poisson", "constant"]) -> Iterator[int]:
            case = Case("", "", seconds, level, arrivals, seed=self.seed)
            return due_times(case, CAPACITY_PER_S, 0, 1)

        calm_from_ns = int(self.seconds * 1e9)
        calm = (calm_from_ns + due_ns for due_ns in part(self.after_s, CALM, "constant"))
        return chain(part(self.seconds, self.level, "poisson"), calm)


class Answer(NamedTuple):
    """Tell how one request ended, and when, in nanoseconds from the start of the load."""

    due_ns: int
    end_ns: int
    kind: Kind
    bare: bool = False  # a rejection without Retry-After

    @property
    def took_ns(self) -> int:
        """The time from its intended start."""
        return self.end_ns - self.due_ns

    @property
    def good(self) -> bool:
        """Whether it was served within the deadline."""
        return self.kind == "served" and self.took_ns <= DEADLINE_S * 1e9


def figures_of(load: Load, answers: Sequence[Answer]) -> dict[str, float]:
    """Compute what the answers tell of the server."""
    end_ns, first_ns = load.seconds * 1e9, min(DEADLINE_S, load.seconds / 2) * 1e9
    loaded = [each for each in answers if each.due_ns < end_ns]
    calm = [each for each in answers if each.due_ns >= end_ns]
    count: Callable[[Kind], int] = lambda kind: sum(each.kind == kind for each in loaded)  # noqa: E731
    good = sum(each.good for each in loaded)
    window_s = (end_ns - first_ns) / 1e9
    goodput = sum(each.good and first_ns <= each.end_ns < end_ns for each in answers) / window_s
    offered = sum(first_ns <= each.due_ns < end_ns for each in loaded) / window_s
    free = CAPACITY_PER_S * (1 - HANGING / POOL if load.trouble == "hang" else 1)
    bad = [each.due_ns for each in calm if not each.good]
    figures: dict[str, float] = {
        "offered": len(loaded),
        "good": good,
        "late": count("served") - good,
        "rejected": count("rejected"),
        "bare_rejections": sum(each.bare for each in answers),
        "gave_up": count("gave up"),
        "broken": count("broken"),
        "unsent": count("unsent"),
        "goodput_per_s": goodput,
    }
    if loaded:
        told = sum(each.good or (each.kind == "rejected" and each.took_ns <= DEADLINE_S * 1e9) for each in loaded)
        figures["answered_share"] = told / len(loaded)
    if min(free, offered) > 0:
        figures["goodput_share"] = goodput / min(free, offered)
    if calm:
        figures["recovery_s"] = (max(bad) - end_ns) / 1e9 if bad else 0.0
    return figures


def ladders_of(load: Load, answers: Iterable[Answer]) -> dict[str, Ladder]:
    """Give the distributions of times, of requests that were due during the load."""
    kinds = {name: Histogram() for name in ("served", "taken", "rejected")}
    for each in answers:
        if each.due_ns < load.seconds * 1e9:
            for name, members in (("served", ("served",)), ("taken", ("served", "gave up")), ("rejected", ("rejected",))):
                if each.kind in members:
                    kinds[name].record(each.took_ns)
    return {name: found for name, histogram in kinds.items() if (found := ladder([histogram])) is not None}


def interval_of(end_s: float, seconds: float, answers: Sequence[Answer], offered: int, waiting: int) -> WebInterval:
    """Sum up what happened in one interval."""
    served = [each for each in answers if each.kind == "served"]
    good = sum(each.good for each in served)
    rejected = sum(each.kind == "rejected" for each in answers)
    return WebInterval(
        t_s=round(end_s, 3),
        offered_per_s=round(offered / seconds, 1),
        good_per_s=round(good / seconds, 1),
        late_per_s=round((len(served) - good) / seconds, 1),
        rejected_per_s=round(rejected / seconds, 1),
        lost_per_s=round((len(answers) - len(served) - rejected) / seconds, 1),
        waiting=waiting,
        served_ms=round(sum(each.took_ns for each in served) / len(served) / 1e6, 1) if served else None,
    )


@dataclass(frozen=True, slots=True)
class Response:
    """Tell what stands in the head of a response. length: of its body, None if the end of the connection ends it."""

    status: int
    head: int
    length: int | None
    closes: bool
    retry_after: bool

    def complete(self, received: bytes | bytearray, ended: bool = False) -> bool:
        """Tell whether all of it has been received. ended: the connection has."""
        return ended if self.length is None else len(received) >= self.head + self.length


_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after: *\d", re.IGNORECASE)


def response_of(received: bytes | bytearray) -> Response | None:
    """Read the head of a response. None while it is not whole; ValueError if it is none."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end])
    if not head.startswith(b"HTTP/1."):
        raise ValueError("this is no response")
    length = _LENGTH.search(head)
    return Response(
        status=int(head[9:12]),
        head=end + 4,
        length=int(length[1]) if length else None,
        closes=length is None or _CLOSES.search(head) is not None,
        retry_after=_RETRY_AFTER.search(head) is not None,
    )
