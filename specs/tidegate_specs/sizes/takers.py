"""Many who wait at once: each item wakes one, close wakes the rest, and the last release wakes all who drain."""

import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import TIMEOUT_MAX
from typing import Any, Final, final

from ..check import Settings, Subject
from ..progress import progress
from ..sweeps.party import GLANCE_S, place_of
from .common import NotTried, demand, told

TAKERS: Final = 64
DRAINS: Final = 8
LIMIT_S: Final = 5.0  # they wake within milliseconds
LOOKS: Final = 2
SLOW: Final = "the machine is too busy: the time of takes was over before they were needed"
LONG: Final[tuple[float | None, ...]] = (
    None, 1.5, 2, 10.25, 60, 61.0, 3600, 1e6, 2**31 / 1000, 2**32 / 1000, TIMEOUT_MAX, 2 * TIMEOUT_MAX, 2**63, 2**70, 1e300,
    sys.float_info.max, float("inf"),
)  # fmt: skip


@final
class Waiter:
    """Make one call that waits, in a thread of its own, and keep how it ended, and after how many seconds."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.answer: Any = None
        self.took_s = 0.0
        self.thread = threading.Thread(target=self._work, name="waiter", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        began_s = time.monotonic()
        try:
            answer = self.call()
        except Exception as error:  # noqa: BLE001 - whatever ended the call is its answer
            answer = type(error)
        self.took_s = time.monotonic() - began_s
        self.answer = answer


def asleep(waiters: Sequence[Waiter]) -> int:
    """Look on until everybody sleeps where they are; give how many of them do, which are fewer only after a long time."""
    deadline_s = time.monotonic() + LIMIT_S
    places = [(0, 0, "")] * len(waiters)
    still = [0] * len(waiters)
    while min(still) < LOOKS and time.monotonic() < deadline_s:
        time.sleep(GLANCE_S)
        before, places = places, [place_of(waiter.thread) for waiter in waiters]
        still = [looks + 1 if now == then and now[2] in "S?" else 0 for looks, now, then in zip(still, places, before, strict=True)]
    return sum(looks >= LOOKS for looks in still)


def ended(waiters: Sequence[Waiter], number: int) -> list[Waiter]:
    """Wait until so many have ended, or for a long time; give those that have.

    Raises NotTried where there are fewer, and not all of the others are seen to sleep: then they may only be slow.
    """
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        found = [waiter for waiter in waiters if not waiter.thread.is_alive()]
        if len(found) >= number:
            return found
        time.sleep(GLANCE_S / 2)
    rest = [waiter for waiter in waiters if waiter.thread.is_alive()]
    if asleep(rest) < len(rest):
        raise NotTried(f"the machine is too busy: of {len(rest)} threads that had not ended after {LIMIT_S:g} s some were at work")
    return [waiter for waiter in waiters if waiter not in rest]


def overdue(waiting: Sequence[Waiter], times: Sequence[float | None], empty: object) -> list[Waiter]:
    """Give those whose take ended because its time was over, as it should: the machine was slower than the shortest time-outs."""
    pairs = zip(waiting, times, strict=True)
    return [waiter for waiter, timeout in pairs if timeout is not None and waiter.answer is empty and waiter.took_s >= timeout]


def wake_many(subject: Subject, chance: random.Random, settings: Settings) -> str:
    """Have many wait, twice: some get an item each, some hear that it is over."""
    crowds = [TAKERS, *(chance.randint(TAKERS // 4, TAKERS) for _ in range(10 if settings.profile == "full" else 1))]
    items: list[int] = []
    for number in crowds:
        progress(f"{number} takers wait at once")
        items.append(_crowd(subject, number, chance))
    told_of = ", then ".join(f"{number} takers, of whom {got} got an item" for number, got in zip(crowds, items, strict=True))
    return f"{told_of}; {DRAINS} drains each"


def _crowd(subject: Subject, number: int, chance: random.Random) -> int:
    intake = subject.Intake(number)
    times = [chance.choice(LONG) for _ in range(number)]
    waiting = [Waiter(partial(intake.take, timeout)) for timeout in times]
    given = chance.randint(number // 4, 3 * number // 4)
    try:
        _asleep(waiting, times, subject.Empty)
        for item in range(given):
            intake.offer(item)
        served = ended(waiting, given)
        late = overdue(waiting, times, subject.Empty)
        leases = [waiter.answer for waiter in served if waiter not in late]
        pairs = [(waiter, timeout) for waiter, timeout in zip(waiting, times, strict=True) if waiter not in late]
        early = [timeout for waiter, timeout in pairs if waiter.answer is subject.Empty]
        demand(not early, "LOCAL-1", lambda: f"of {number} who wait, takes with these time-outs ended at once: {early}")
        sleep_on = [waiter for waiter in waiting if waiter.thread.is_alive()]
        if late and (len(leases) == given or not sleep_on or asleep(sleep_on) < len(sleep_on)):
            raise NotTried(SLOW)  # else items are there, and others sleep on
        demand(
            len(leases) == given, "LOCAL-1", lambda: f"{given} items were offered to {number} who wait: {len(leases)} takes ended"
        )
        got = sorted(getattr(lease, "item", -1) for lease in leases)
        demand(got == list(range(given)), "LOCAL-1", lambda: f"{number} who wait, offered {given} items, got {got}")
        rest = [waiter for waiter in waiting if waiter not in served]
        left = [timeout for waiter, timeout in zip(waiting, times, strict=True) if waiter in rest]
        _asleep(rest, left, subject.Empty)
        intake.close()
        over = ended(rest, len(rest))
        demand(len(over) == len(rest), "CLOSE-2", lambda: f"{len(rest) - len(over)} of {len(rest)} who wait are not woken by close")
        if overdue(rest, left, subject.Empty):
            raise NotTried(SLOW)
        answers = {waiter.answer for waiter in rest}
        demand(answers <= {subject.Closed}, "CLOSE-2", lambda: f"after close takes ended with {', '.join(map(told, answers))}")
        _drained(intake, leases)
    finally:
        intake.close()
    found = intake.statistics()
    right = (number, 0, 0, given, given, 0)
    seen = (found.free, found.queued, found.in_flight, found.accepted, found.released, found.abandoned)
    demand(
        seen == right, "LEDGER-1 BOUND-2", lambda: f"after {given} items of {number} slots were released, statistics tell {found}"
    )
    return given


def _asleep(waiting: Sequence[Waiter], times: Sequence[float | None], empty: object) -> None:
    early = [waiter for waiter in waiting if not waiter.thread.is_alive()]
    if not early and asleep(waiting) < len(waiting):
        early = [waiter for waiter in waiting if not waiter.thread.is_alive()]
        if not early:
            raise NotTried(f"not all of {len(waiting)} threads were seen to wait within {LIMIT_S:g} s")
    if overdue(waiting, times, empty):
        raise NotTried(SLOW)
    demand(
        not early,
        "LOCAL-1 CLOSE-2",
        lambda: f"{len(early)} takes ended with {told(early[0].answer)}: nothing was there, and nothing closed; time-outs {times}",
    )


def _drained(intake: Any, leases: list[Any]) -> None:
    """Release everything, from this thread, while some drain."""
    drains = [Waiter(partial(intake.drain, LONG[place % len(LONG)])) for place in range(DRAINS)]
    if asleep(drains) < DRAINS and not any(not waiter.thread.is_alive() for waiter in drains):
        raise NotTried(f"not all of {DRAINS} drains were seen to wait within {LIMIT_S:g} s")
    released = [(lease.release(), lease.release()) for lease in leases]
    demand(set(released) <= {(True, False)}, "LEASE-1", lambda: f"releases by another thread were answered {set(released)}")
    over = ended(drains, DRAINS)
    answers = [waiter.answer for waiter in over]
    demand(answers == [0] * DRAINS, "CLOSE-2", lambda: f"with everything released, {DRAINS} drains ended with {answers}")
