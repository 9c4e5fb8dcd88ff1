"""The producers of a drive: by schedule, with clients that try again, or without pause."""

import time
from collections import deque
from collections.abc import Iterator

from .books import (
    LIFE_S,
    REFUSED,
    RETRY_BIN_NS,
    TICK_S,
    Clerk,
    clock,
)
from .case import WHOLE
from .process import started
from .state import State


class Producers(State):
    """Offer by schedule or without pause."""

    def _produce(
        self, clerk: Clerk, dues: Iterator[int], waiting: deque[tuple[int, int, int]], again: deque[tuple[int, int]]
    ) -> None:
        """Offer by schedule; with clients that try again, look each tick for those whose time is up."""
        begun_ns, churn, tries = time.thread_time_ns(), self._case.trouble == "producer churn", self._case.tries
        life_end_ns = clock() + int(LIFE_S * 1e9)
        try:
            for offset_ns in dues:
                due_ns = self._start_ns + offset_ns
                now_ns = clock()
                while now_ns < due_ns and not self._halt:
                    wait_s = (due_ns - now_ns) / 1e9
                    time.sleep(TICK_S if tries > 1 else max(TICK_S, wait_s))
                    if tries > 1:
                        self._try_again(clerk, waiting, again)
                    now_ns = clock()
                if self._halt or clerk.place >= clerk.end:
                    break
                self._try(clerk, due_ns, tries, waiting, again)
                if churn and now_ns > life_end_ns:
                    clerk.cores_ns += time.thread_time_ns() - begun_ns
                    started(self._produce, clerk, dues, waiting, again)
                    return
        except Exception as error:  # noqa: BLE001 - whatever a queue raises is a finding
            self._problems.append(f"offer raised {type(error).__name__}: {error}")
        clerk.cores_ns += time.thread_time_ns() - begun_ns
        if clerk.place >= clerk.end and self._ended == WHOLE:
            self._ended = f"{self._sums().accepted:,} items were let in, and there was no end to it"
            self._halt = True
        clerk.ended.set()

    def _try(
        self, clerk: Clerk, due_ns: int, tries: int, waiting: deque[tuple[int, int, int]], again: deque[tuple[int, int]]
    ) -> None:
        place = self._offer(clerk, due_ns)
        if self._case.tries > 1:
            if place >= 0:
                waiting.append((due_ns + self._deadline_ns, place, tries - 1))
            elif tries > 1:
                again.append((clock(), tries - 1))
            else:
                clerk.timed_out += 1

    def _try_again(self, clerk: Clerk, waiting: deque[tuple[int, int, int]], again: deque[tuple[int, int]]) -> None:
        """Have the clients that were refused, and those whose time is up, offer their request once more, at once."""
        for _ in range(len(again)):
            since_ns, tries = again.popleft()
            self._retry(clerk)
            self._try(clerk, since_ns, tries, waiting, again)
        now_ns = clock()
        while waiting and waiting[0][0] <= now_ns and clerk.place < clerk.end:
            up_ns, place, tries = waiting.popleft()
            if self._served[place]:
                continue
            if tries:
                self._retry(clerk)
                self._try(clerk, up_ns, tries, waiting, again)
            else:
                clerk.timed_out += 1

    def _retry(self, clerk: Clerk) -> None:
        clerk.retried += 1
        self._retries[(clock() - self._start_ns) // RETRY_BIN_NS] += 1  # a count that another producer spoils is off by one

    def _offer(self, clerk: Clerk, due_ns: int) -> int:
        """Make one offer and record it; give the item's number, or -1 when it was refused."""
        door, place = self._door, clerk.place
        offer, accepted = door.offer, door.accepted
        self._due_ns[place] = due_ns
        item = self._item(place)
        start_ns = clock()
        try:
            answer = offer(item)
        except door.refusal:
            answer = REFUSED
        end_ns = clock()
        clerk.call_ns += end_ns - start_ns
        clerk.responses.record(end_ns - due_ns)
        if answer is accepted:
            self._in_ns[place] = end_ns
            clerk.accepted_calls.record(end_ns - start_ns)
            clerk.accepted += 1
            clerk.place = place + 1
            return place
        clerk.rejected_calls.record(end_ns - start_ns)
        clerk.rejected += 1
        return -1

    def _spin(self, clerk: Clerk) -> None:
        """Offer without pause; only what is let in is stamped, so that nothing slows the spinning down."""
        door = self._door
        offer, accepted, refusal = door.offer, door.accepted, door.refusal
        begun_ns = time.thread_time_ns()
        try:
            while not self._halt and clerk.place < clerk.end:
                place = clerk.place
                item = self._item(place)
                try:
                    answer = offer(item)
                except refusal:
                    answer = REFUSED
                if answer is accepted:
                    self._due_ns[place] = self._in_ns[place] = clock()
                    clerk.place = place + 1
                    clerk.accepted += 1
                else:
                    clerk.rejected += 1
        except Exception as error:  # noqa: BLE001 - likewise
            self._problems.append(f"offer raised {type(error).__name__}: {error}")
        clerk.cores_ns += time.thread_time_ns() - begun_ns
        clerk.ended.set()
