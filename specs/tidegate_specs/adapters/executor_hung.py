"""An executor whose workers all hang."""

import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, Final

from ..check import Profile, Result, Settings, Subject
from ..sweeps.party import ENDED, Party
from .executor_jobs import LIMIT_S, Tally, what_is_left
from .support import module_of

THREADS: Final = 3
OFFERS: Final = 400  # by each thread, while every worker hangs
STORM: Final[dict[Profile, int]] = {"quick": 3_000, "full": 30_000}


# Hung workers.


def _offer_all(executor: Any, refused: type[Exception], job: Callable[[], object]) -> list[Any]:
    """Offer again and again; half of them by each of the two ways."""
    accepted: list[Any] = []
    for number in range(OFFERS):
        if number % 2:
            answer = executor.try_submit(job)
            accepted += [answer] if answer else []
        else:
            with suppress(refused):
                accepted.append(executor.submit(job))
    return accepted


def _storm(executor: Any, waiting: list[Any], turns: int, tally: Tally) -> int:
    """Cancel the oldest waiting work and submit one, again and again. Give the most futures that were alive at once."""
    alive: weakref.WeakSet[Any] = weakref.WeakSet(waiting)
    most = len(alive)
    for _ in range(turns):
        waiting.pop(0).cancel()
        answer = executor.try_submit(int)
        if not answer:
            tally.spurious += 1
            tally.note(f"{answer} although a waiting work had been cancelled just before")
            break
        alive.add(answer)
        waiting.append(answer)
        del answer
        most = max(most, len(alive))
    return most


def run_hung(subject: Subject, settings: Settings) -> Result:
    """Let every worker hang, and submit from many threads; then cancel and submit in a storm."""
    module = module_of(subject, "executor")
    capacity, workers = 8, 2
    tally = Tally(capacity=capacity)
    gate, started = threading.Event(), SimpleQueue[None]()

    def hang() -> None:
        started.put(None)
        gate.wait()

    executor = module.RejectingExecutor(capacity, workers, thread_name_prefix="hung")
    futures = [executor.submit(hang) for _ in range(workers)]
    for _ in futures:
        started.get(timeout=LIMIT_S)
    parties = [Party() for _ in range(THREADS)]
    for party in parties:
        party.start(partial(_offer_all, executor, module.Rejected, int))
    waiting: list[Any] = []
    for party in parties:
        if party.wait(confirm_s=2.0) != ENDED:
            tally.waited += 1
            tally.note(f"with every worker hung, a submission waits in {party.where()}")
            continue
        waiting += party.answer() or []
        if party.error is not None:
            tally.note(f"with every worker hung, a submission raised {party.text}")
    tally.peak = workers + len(waiting)
    if tally.peak > capacity:
        tally.note(f"{tally.peak} works were unfinished, of {capacity} allowed")
    if tally.peak < capacity and not tally.waited:
        tally.spurious += 1
        tally.note(f"only {tally.peak} of {capacity} works were accepted")
    turns = STORM[settings.profile]
    if not tally.witness:
        tally.peak = workers + _storm(executor, waiting, turns, tally)
        if tally.peak > capacity + 1:  # one is being replaced
            tally.note(f"{tally.peak} futures were kept, of {capacity} works allowed")
        tally.peak -= tally.peak == capacity + 1
    gate.set()
    executor.shutdown(wait=False)
    for party in parties:
        party.dismiss()
    tally.unended += 0 if tally.waited else what_is_left("hung")
    return tally.judge(f"{THREADS * OFFERS:,} submissions by {THREADS} threads, {turns:,} cancelled and replaced, workers hung")
