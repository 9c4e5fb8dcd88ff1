"""Run a case with threads and real clocks: one producer that offers by schedule whatever the answers are, and workers that wait.

What could be finished is worked out from the service times as they were, not as they were asked for: a sleep takes longer.
"""

import threading
import time
from array import array
from typing import Final

from .case import LIMIT_S, OFFERED_PER_S, WORKERS, Case, Result
from .doors import DOORS, Door, Taken

TICK_S: Final = 0.001  # the producer sleeps at least this long, then offers all that is due
LATE_S: Final = 0.01
LOOK_S: Final = 0.02  # of a worker that found nothing


class Drive:
    """Run one case on one queue."""

    def __init__(self, case: Case, subject: str) -> None:
        self.case: Final = case
        self.subject: Final = subject
        self._door: Final[Door] = DOORS[subject](case.capacity, time.monotonic, self._serve)
        self._due: Final = array("d", bytes(8 * (int(case.seconds * OFFERED_PER_S) + 2)))
        self._ends: Final[list[tuple[float, float, float]]] = []  # when, since its due time, and how long the service took
        self._asked: Final[list[float]] = []
        self._start_s = 0.0
        self._halt = False
        self._late = 0

    def run(self) -> Result:
        """Offer for the time of the load; give what was finished in it."""
        case = self.case
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(WORKERS if self._door.take else 0)]
        self._start_s = time.monotonic() + 0.01
        for worker in workers:
            worker.start()
        offered = self._offer_all()
        self._halt = True
        self._door.shut()
        for worker in workers:
            worker.join(1 + 10 * case.service_s(case.seconds))
        within = [each for each in self._ends.copy() if each[0] <= self._start_s + case.seconds]
        good = sum(since_s <= LIMIT_S for _, since_s, _ in within)
        overhead = sum(took_s for _, _, took_s in within) / (sum(self._asked[: len(within)]) or 1.0) if within else 1.0
        share = good / (case.possible() / max(1.0, overhead))
        return Result(case, self.subject, share, good, len(within), offered, overhead, self._late / max(1, offered))

    def _offer_all(self) -> int:
        offer, number = self._door.offer, 0
        while (due_s := self._start_s + number / OFFERED_PER_S) < self._start_s + self.case.seconds:
            now = time.monotonic()
            if now < due_s:
                time.sleep(max(TICK_S, due_s - now))
                continue
            self._due[number] = due_s
            self._late += now - due_s > LATE_S
            offer(number)
            number += 1
        return number

    def _work(self) -> None:
        take = self._door.take
        while take is not None and not self._halt:
            taken: Taken | None = take(LOOK_S)
            if taken is not None:
                item, finish = taken
                self._serve(item)
                finish()

    def _serve(self, item: int) -> None:
        begun_s = time.monotonic()
        asked_s = self.case.service_s(begun_s - self._start_s)
        time.sleep(asked_s)
        end_s = time.monotonic()
        self._asked.append(asked_s)
        self._ends.append((end_s, end_s - self._due[item], end_s - begun_s))
