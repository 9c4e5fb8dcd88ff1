"""CoDel, "controlled delay", as its papers have it, around a bounded queue: a peer, and no part of the kernel.

K. Nichols and V. Jacobson, "Controlling Queue Delay" (ACM Queue, 2012), and RFC 8289. What is taken has its sojourn looked at. Once
that has been above the target for a whole interval the queue drops, and goes on to drop ever sooner: after the n-th drop of a row
the next one comes an interval over the square root of n later. A sojourn below the target, or a queue that is empty then, ends it.
If it begins again soon after it ended, it goes on at nearly the rate that it had.
"""

import threading
from collections import deque
from collections.abc import Callable
from math import sqrt
from typing import Final, final

TARGET_S: Final = 0.005  # both are the papers'
INTERVAL_S: Final = 0.1


@final
class CoDel:
    """Queue numbers up to a capacity, and drop at the other end what CoDel says."""

    def __init__(self, capacity: int, clock: Callable[[], float], wait: bool = True) -> None:
        self._capacity, self._clock, self._wait = capacity, clock, wait
        self._queue: deque[tuple[int, float]] = deque()
        self._changed = threading.Condition()
        self._above_since: float | None = None  # when an interval above the target would be over
        self._dropping = False
        self._next_s = 0.0
        self._count = self._last_count = 0
        self.dropped = 0

    def offer(self, item: int) -> bool:
        """Let it in, unless there is no room."""
        with self._changed:
            if len(self._queue) >= self._capacity:
                return False
            self._queue.append((item, self._clock()))
            self._changed.notify()
            return True

    def take(self, timeout: float) -> int | None:
        """Give the next item that is not dropped, or None after the time-out."""
        with self._changed:
            if not self._queue and self._wait:
                self._changed.wait(timeout)
            return self._next()

    def _pop(self, now: float) -> tuple[int | None, bool]:
        """Take the oldest, and tell whether it may be dropped: the sojourn was above the target for an interval."""
        if not self._queue:
            self._above_since = None
            return None, False
        item, since = self._queue.popleft()
        if now - since < TARGET_S or len(self._queue) < 1:
            self._above_since = None
            return item, False
        if self._above_since is None:
            self._above_since = now + INTERVAL_S
            return item, False
        return item, now >= self._above_since

    def _next(self) -> int | None:
        now = self._clock()
        item, may_drop = self._pop(now)
        if self._dropping:
            if not may_drop:
                self._dropping = False
            while self._dropping and now >= self._next_s:
                self.dropped += 1
                self._count += 1
                item, may_drop = self._pop(now)
                if may_drop:
                    self._next_s += INTERVAL_S / sqrt(self._count)
                else:
                    self._dropping = False
        elif may_drop:
            self.dropped += 1
            item, _ = self._pop(now)
            self._dropping = True
            recent = self._count - self._last_count
            self._count = recent if recent > 1 and now - self._next_s < 16 * INTERVAL_S else 1
            self._last_count = self._count
            self._next_s = now + INTERVAL_S / sqrt(self._count)
        return item
