"""Watch a drive: memory, depth and lateness."""

import sys
import time
from dataclasses import asdict

from ..memory import resident_bytes
from .books import (
    LATENESS_S,
    READING_S,
    RUNAWAY_BYTES,
    Sums,
    clock,
)
from .case import WHOLE, Interval
from .process import collections_so_far, switches_so_far
from .state import State


class Watchers(State):
    """Read memory, depth and lateness all the time."""

    def _watch(self) -> None:
        """Read memory and depth all the time, and tell what happened in each interval."""
        before, told_ns = self._sums(), self._start_ns
        first_bytes = resident_bytes() or 0
        while not (self._halt and not self._working):
            time.sleep(READING_S)
            held_bytes = resident_bytes() or 0
            if 2 * self._readings + 2 <= len(self._reading):
                self._reading[2 * self._readings] = held_bytes
                self._reading[2 * self._readings + 1] = sys.getallocatedblocks()
                self._readings += 1
            self._peak = max(self._peak, self._unfinished())
            if held_bytes - first_bytes > RUNAWAY_BYTES and self._ended == WHOLE:
                self._ended = f"the process grew by {RUNAWAY_BYTES >> 20} MiB"
                self._halt = True
            now_ns = clock()
            if now_ns - told_ns >= self._case.interval_s * 1e9:
                told_ns = now_ns
                now = self._sums()
                self._tell(before, now, held_bytes)
                before = now

    def _tell(self, before: Sums, now: Sums, held_bytes: int) -> None:
        seconds = (now.at_ns - before.at_ns) / 1e9
        offers, taken = now.offered - before.offered, now.taken - before.taken
        longest_ns = max(tally.longest_ns for tally in self._tallies)
        for tally in self._tallies:
            tally.longest_ns = 0
        finished, good = now.finished - before.finished, now.good - before.good
        spinning = self._case.arrivals == "spinning"
        interval = Interval(
            t_s=round((now.at_ns - self._start_ns) / 1e9, 3),
            phase=self._phase,
            offered_per_s=round(offers / seconds, 1),
            accepted_per_s=round((now.accepted - before.accepted) / seconds, 1),
            rejected_per_s=round((now.rejected - before.rejected) / seconds, 1),
            finished_per_s=round(finished / seconds, 1),
            good_per_s=round(good / seconds, 1),
            late_per_s=round((finished - good) / seconds, 1),
            retried_per_s=round((now.retried - before.retried) / seconds, 1),
            depth=max(0, now.accepted - now.finished - now.crashed),
            sojourn_ms=round((now.sojourn_ns - before.sojourn_ns) / taken / 1e6, 3) if taken else None,
            sojourn_max_ms=round(longest_ns / 1e6, 3) if taken else None,
            offer_us=round((now.call_ns - before.call_ns) / offers / 1e3, 3) if offers and not spinning else None,
            rss_bytes=held_bytes,
            blocks=sys.getallocatedblocks(),
            collections=collections_so_far(),
            switches=sum(switches_so_far()),
        )
        self._emit({"event": "interval", "interval": asdict(interval)})

    def _be_late(self) -> None:
        """Sleep a little at a time, and note how much longer it took: what everybody in this process suffers."""
        while not (self._halt and not self._working):
            start_ns = clock()
            time.sleep(LATENESS_S)
            self._late.record(clock() - start_ns - int(LATENESS_S * 1e9))
