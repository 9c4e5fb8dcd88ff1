"""How much the workers of a case finish when nobody else is there."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast

from .books import GRACE_S, TICK_S, clock
from .case import Case
from .process import started
from .subjects import Door, Maker
from .work import Task

SUSTAIN_S: Final = 0.5


def sustained_rate(case: Case, maker: Maker, tasks: list[Task], seconds: float = SUSTAIN_S) -> float:
    """Count what the workers finish in a second when nobody else is there: each offers its item anew when it has served it.

    The queue is half full of items that go round, so that it is neither full nor empty.
    """
    done, local, ended = [0] * case.workers, threading.local(), threading.Event()
    free = iter(range(case.workers))

    def serve(item: Any) -> None:
        number: int | None = getattr(local, "number", None)
        if number is None:
            number = local.number = next(free, 0)
        tasks[number]()
        done[number] += 1
        if not ended.is_set():
            _let_in(door, item)

    door = maker(case.capacity, case.workers, serve)

    def work() -> None:
        take = cast("Callable[[float], Any]", door.take)
        while not ended.is_set():
            with suppress(door.empty):
                door.serve(take(0.05), serve)

    threads = [started(work) for _ in range(case.workers)] if door.take is not None else []
    for item in range(max(1, case.capacity // 2)):
        _let_in(door, item)
    time.sleep(0.05)
    finished, start_ns = sum(done), clock()
    time.sleep(seconds)
    rate = (sum(done) - finished) * 1e9 / (clock() - start_ns)
    ended.set()
    for thread in threads:
        thread.join(GRACE_S)
    door.shut()
    return rate


def _let_in(door: Door, item: int) -> None:
    """Offer until it is let in: there is room, but some queues refuse all the same now and then, when takers wait."""
    for _ in range(100):
        with suppress(door.refusal, RuntimeError):  # or an executor that was shut down
            if door.offer(item) is door.accepted:
                return
        time.sleep(TICK_S)
