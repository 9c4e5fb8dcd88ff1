"""What a drive holds while it runs, and the sums of it."""

import threading
from array import array
from collections.abc import Iterator
from typing import Any, Final

from .books import AFTER_S, GRACE_S, READING_S, RETRY_BIN_NS, Clerk, Emit, Sums, Tally, clock
from .case import WHOLE, Case, Ladder, Phase
from .histogram import Histogram, ladder
from .subjects import Door, Maker, maker_of
from .work import Task


class State:
    """Hold one case on one door: its books, and what is set aside beforehand."""

    # Set aside before the load begins.
    _tasks: list[Task]
    _door: Door
    _due_ns: "array[int]"
    _in_ns: "array[int]"
    _served: bytearray
    _dues: list[Iterator[int]]

    def __init__(self, case: Case, emit: Emit, barrier: threading.Barrier | None = None) -> None:
        self._case = case
        self._emit = emit
        self._barrier = barrier
        self._maker: Maker = maker_of(case.subject)
        self._figures: dict[str, float] = {}
        self._problems: list[str] = []
        self._ended = WHOLE
        self._halt = False
        self._working = True
        self._phase: Phase = "load"
        self._start_ns = 0
        self._late = Histogram()
        self._retries: Final = array("q", bytes(8 * int((case.seconds + AFTER_S + GRACE_S) * 1e9 / RETRY_BIN_NS)))
        self._reading: Final = array("q", bytes(8 * 2 * int((case.seconds + AFTER_S + 60) / READING_S)))
        self._readings: int = 0
        self._local = threading.local()
        self._tallies = [Tally() for _ in range(case.workers)]
        self._clerks: list[Clerk] = []
        self._peak = 0
        self._deadline_ns = 0
        self._last_late_ns = 0
        self._threads_seen = 0

    def _item(self, place: int) -> Any:
        """Make what is offered: the number, and what makes it large."""
        return (place, bytes(self._case.item_bytes)) if self._case.item_bytes else place

    def _sums(self) -> Sums:
        clerks, tallies = self._clerks, self._tallies
        finished = sum(tally.finished for tally in tallies)  # read before what was accepted: unfinished is never below 0
        crashed = sum(tally.crashed for tally in tallies)
        accepted, rejected = sum(clerk.accepted for clerk in clerks), sum(clerk.rejected for clerk in clerks)
        return Sums(
            clock(),
            accepted + rejected,
            accepted,
            rejected,
            sum(clerk.retried for clerk in clerks),
            sum(clerk.call_ns for clerk in clerks),
            sum(tally.taken for tally in tallies),
            finished,
            sum(tally.good for tally in tallies),
            crashed,
            sum(tally.sojourn_ns for tally in tallies),
        )

    def _queued(self) -> int:
        taken = sum(tally.taken for tally in self._tallies)
        return sum(clerk.accepted for clerk in self._clerks) - taken

    def _unfinished(self) -> int:
        """Count what had been accepted by a first look and was not finished by a later one: never more than there were."""
        accepted = sum(clerk.accepted for clerk in self._clerks)
        return accepted - sum(tally.finished + tally.crashed for tally in self._tallies)

    def _ladders(self) -> dict[str, Ladder]:
        clerks, tallies = self._clerks, self._tallies
        rejected = [clerk.rejected_calls for clerk in clerks]
        found = {
            "offer_call": ladder([*(clerk.accepted_calls for clerk in clerks), *rejected]),
            "rejection_call": ladder(rejected),
            "offer_response": ladder(clerk.responses for clerk in clerks),
            "sojourn": ladder(tally.sojourns for tally in tallies),
            "completion": ladder(tally.completions for tally in tallies),
        }
        return {name: each for name, each in found.items() if each is not None}
