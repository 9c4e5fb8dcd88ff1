# SPDX-License-Identifier: MIT
"""When a refused client is told to come back: a fixed number of seconds, or one that is worked out. The two middlewares share it.

The wait is the depth over the drain rate: as many requests are inside as there are slots when one is refused, and in the last
interval so many ended in so many seconds. An interval is a second at least. It begins and ends with a refusal, so the bulkhead was
full at both ends; one that lasted for more than two seconds tells nothing, as it may have stood empty in between.

Each client is told a whole number of seconds by chance between the wait and twice the wait, and at least 1. If all were told the
same, all would come back together, and all but a few would be refused again. Near the longest time it is spread below that.

Prior art: Little's law. Full jitter as in M. Brooker's "Exponential Backoff and Jitter" (2015). Considered and rejected: a mean of
all time since the start (idle hours count as slow work); counting in the middleware (a second truth, and a step for each request);
the queue of refused clients as the depth (who gave up is unknown); the generator that `random.random` draws from (it is the host's
to seed), and one of our own (its forked copies would tell the same).

No lock is taken and nothing is kept of a refusal but the interval, replaced in one store. Of two threads that end the same one,
either may be the one that is kept. Each second at most one refusal reads `statistics()`, which is O(capacity).
"""

from collections.abc import Callable, Iterable, Mapping
from math import ceil
from random import SystemRandom
from time import monotonic
from typing import Any, Final, final

from .bulkhead import BUSY, busy_headers

SHORTEST_S: Final = 1.0  # of an interval
LONGEST_S: Final = 2.0
STATUSES: Final = {503: "503 Service Unavailable", 429: "429 Too Many Requests"}


@final
class RetryAfter:
    """Have `Retry-After` worked out: the requests inside over the rate at which they end, spread by chance (WEB-3).

    longest_s: no client is told a longer time, in whole seconds. clock, chance: seconds that never run backwards, and numbers from
    0 up to 1 without it; for tests. Raises TypeError unless `longest_s` is an int, ValueError unless it is at least 2: to spread a
    time takes two numbers to choose from.
    """

    __slots__ = ("chance", "clock", "longest_s")

    def __init__(
        self, longest_s: int = 30, *, clock: Callable[[], float] = monotonic, chance: Callable[[], float] | None = None
    ) -> None:
        self.longest_s: Final = _checked_longest(longest_s)
        self.clock: Final = clock
        self.chance: Final = SystemRandom().random if chance is None else chance


def _checked_longest(longest_s: object) -> int:
    if not isinstance(longest_s, int) or isinstance(longest_s, bool):
        raise TypeError(f"longest_s must be an int, not {type(longest_s).__name__}")
    if longest_s < 2:
        raise ValueError(f"longest_s must be at least 2 seconds, not {longest_s}")
    return longest_s


@final
class _Wait:
    """Know how long a client of one bulkhead has to wait, from its last interval.

    interval: when it began, and how many requests had ended then. wait_s: by the interval before it.
    """

    __slots__ = ("bulkhead", "interval", "wait_s")

    def __init__(self, bulkhead: Any) -> None:
        self.bulkhead: Final = bulkhead  # or an admission, which has a limit
        self.interval: tuple[float, int] | None = None
        self.wait_s = 0.0

    def at(self, now: float, longest_s: int) -> float:
        """Give the wait in seconds as far as it is known at a refusal; 0 if it is not, `longest_s` if nothing ended."""
        interval = self.interval
        lasted = SHORTEST_S if interval is None else now - interval[0]
        if lasted >= SHORTEST_S or not lasted >= 0:  # over, or a clock that jumped
            statistics = self.bulkhead.statistics()
            ended = statistics.released + statistics.abandoned
            self.wait_s = 0.0
            if interval is not None and SHORTEST_S <= lasted <= LONGEST_S:
                finished = ended - interval[1]  # below 0 in the child of a fork, where counts begin anew
                self.wait_s = (
                    max(0.0, getattr(statistics, "limit", statistics.capacity) * lasted / finished) if finished else longest_s
                )
            self.interval = now, ended
        return self.wait_s


@final
class Busy:
    """Make the answers to refused requests of one middleware (WEB-2, WEB-3).

    status: 503, or 429 where clients take that better. headers: more of them; a `Content-Type` takes the place of the usual one.
    Raises TypeError or ValueError for what can't be sent.
    """

    def __init__(
        self,
        retry_after_s: int | RetryAfter,
        bulkheads: Iterable[Any],
        status: int = 503,
        body: bytes = BUSY,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        if status not in STATUSES:
            raise ValueError(f"status must be 503 or 429, not {status!r}")
        if not isinstance(body, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"body must be bytes, not {type(body).__name__}")
        self.status: Final = status
        self.line: Final = STATUSES[status]
        self.body: Final = body
        self._how: Final = retry_after_s if isinstance(retry_after_s, RetryAfter) else None
        more = [(_checked(name), _checked(value)) for name, value in headers]
        names = {name.lower() for name, _ in more}
        if taken := names & {"content-length", "retry-after"}:
            raise ValueError(f"{min(taken)} is made here: give body and retry_after_s")
        usual = busy_headers(1 if isinstance(retry_after_s, RetryAfter) else retry_after_s, len(body))
        self._fixed: Final = [*more, *(pair for pair in usual if pair[0].lower() not in names)]
        self._waits: Final[Mapping[int, _Wait]] = {id(bulkhead): _Wait(bulkhead) for bulkhead in bulkheads}  # which keeps it

    def headers(self, bulkhead: Any) -> list[tuple[str, str]]:
        """Give the headers of a refusal, in a list that is the caller's (WEB-3)."""
        how = self._how
        if how is None:
            return list(self._fixed)
        wait_s = self._waits[id(bulkhead)].at(how.clock(), how.longest_s)
        least = max(1, min(ceil(wait_s), how.longest_s // 2))
        most = min(2 * least, how.longest_s)
        seconds = least + int(how.chance() * (most - least + 1))
        return [*self._fixed[:-1], ("Retry-After", str(seconds))]


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"headers must be pairs of str, not {type(text).__name__}")
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"a header must be printable ASCII, not {text!r}")
    return text
