"""The workers of a drive, and their troubles."""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, cast

from .books import (
    CRASH_EVERY,
    SLOW,
    STALL,
    WorkerCrash,
    clock,
)
from .process import started
from .state import State

_counting: Final = threading.Lock()


class Workers(State):
    """Take and serve, with the trouble of the case."""

    def _work(self, number: int) -> None:
        """Take and serve until told to end. A crash ends this thread; another one takes its place."""
        door, tally = self._door, self._tallies[number]
        self._local.number = number
        take = cast("Callable[[float], Any]", door.take)
        try:
            while self._working:
                queued = self._queued()
                asked_ns = clock()
                try:
                    entry = take(0.05)
                except door.empty:
                    continue
                if queued > 0:
                    tally.starved_ns = max(tally.starved_ns, clock() - asked_ns)
                door.serve(entry, self._serve)
        except WorkerCrash:
            started(self._work, number)

    def _serve(self, item: Any) -> None:
        """Do one item's work, and record it. Called by a worker, or by a thread of the queue's own."""
        taken_ns = clock()
        number = self._number()
        tally = self._tallies[number]
        place: int = item[0] if self._case.item_bytes else item
        in_ns = self._in_ns[place]
        sojourn_ns = max(0, taken_ns - in_ns) if in_ns else 0  # taken before its producer had noted the answer
        tally.taken += 1
        tally.sojourns.record(sojourn_ns)
        tally.sojourn_ns += sojourn_ns
        tally.longest_ns = max(tally.longest_ns, sojourn_ns)
        self._work_on(number, place)
        end_ns = clock()
        tally.slowest_ns = max(tally.slowest_ns, end_ns - taken_ns)
        self._served[place] += 1
        response_ns = end_ns - self._due_ns[place]
        tally.completions.record(response_ns)
        tally.finished += 1
        if response_ns <= self._deadline_ns:
            tally.good += 1
        else:
            self._last_late_ns = end_ns

    def _work_on(self, number: int, place: int) -> None:
        task, trouble = self._tasks[number], self._case.trouble
        task()
        if trouble != "none":
            share = (clock() - self._start_ns) / 1e9 / self._case.seconds
            if trouble == "slow workers" and SLOW[0] <= share < SLOW[1]:
                task()
            elif trouble == "stalled workers" and number == 0 and STALL[0] <= share < STALL[1]:
                time.sleep((STALL[1] - share) * self._case.seconds)
            elif trouble == "crashing workers" and place % CRASH_EVERY == 0:
                self._tallies[number].crashed += 1
                self._served[place] += 1
                raise WorkerCrash

    def _number(self) -> int:
        number: int | None = getattr(self._local, "number", None)
        if number is None:  # a thread of the queue's own
            with _counting:
                self._threads_seen += 1
                number = self._local.number = (self._threads_seen - 1) % self._case.workers
        return number
