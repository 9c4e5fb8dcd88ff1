"""A script for each clause that a peer is expected to break: it shows the fault in plain Python, without this project.

Run one with `python SCRIPT`: it tells what it did and what came of it, ends by itself, also where the peer waits for ever, and its
exit status is 1 when the fault shows, 0 when it does not. Each stops, interrupts or re-enters the peer where the interpreter itself
can: at the start of a function, or after a call of C code; or cancels a task.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final


def _of(peer: str, **clauses_by_script: str) -> dict[tuple[str, str], str]:
    """Name the scripts of one peer: by script, the clauses that it shows broken."""
    return {(peer, id_): f"{script}.py" for script, clauses in clauses_by_script.items() for id_ in clauses.split()}


# By the name of the peer's adapter, and the clause.
WITNESSES: Final[Mapping[tuple[str, str], str]] = {
    **_of(
        "QueueQueue",
        queue_queue_stopped_put="NOWAIT-2",
        queue_queue_put_in_handler="REENTRY-1",
        queue_queue_interrupted_get="INTERRUPT-1 LOCAL-1",
        queue_queue_interrupted_lock="BOUND-2",
    ),
    **_of("QueueSimpleQueue", simple_queue_unbounded="BOUND-1"),
    **_of("DequeMaxlen", deque_maxlen_throws_out="LOCAL-1"),
    **_of(
        "AsyncioQueue",
        asyncio_queue_interrupted_get="INTERRUPT-1 LOCAL-1",
    ),
    **_of(
        "Aiologic",
        aiologic_stopped_put="EXACT-1",
        aiologic_put_in_handler="REENTRY-1",
        aiologic_interrupted_get="INTERRUPT-1 LOCAL-1 BOUND-2",
    ),
    **_of(
        "Culsans",
        culsans_stopped_put="NOWAIT-2",
        culsans_put_in_handler="REENTRY-1 BOUND-1",
        culsans_interrupted_get="INTERRUPT-1 LOCAL-1 BOUND-2",
    ),
    **_of(
        "Janus",
        janus_stopped_put="NOWAIT-2",
        janus_put_in_handler="REENTRY-1",
        janus_interrupted_get="INTERRUPT-1 LOCAL-1",
        janus_interrupted_lock="BOUND-2",
    ),
    **_of(
        "SemaphoreExecutor",
        semaphore_executor_stopped_submit="NOWAIT-2",
        semaphore_executor_offer_in_handler="REENTRY-1",
        semaphore_executor_interrupted_offer="INTERRUPT-1 BOUND-2",
    ),
    # Limiters.
    **_of("ThreadingBoundedSemaphore", bounded_semaphore_interrupted_acquire="INTERRUPT-1 BOUND-2"),
    **_of("MultiprocessingBoundedSemaphore", multiprocessing_semaphore_interrupted_enter="INTERRUPT-1 BOUND-2"),
    **_of("Nopanic", nopanic_interrupted_enter="INTERRUPT-1 BOUND-2"),
    **_of("Pyresilience", pyresilience_interrupted_call="INTERRUPT-1 BOUND-2"),
    **_of("Hyx", hyx_cancelled_wait="INTERRUPT-1 BOUND-2"),
    **_of("AioFairshare", aio_fairshare_cancelled_wait="INTERRUPT-1 BOUND-2"),
}


def path_of(script: str) -> Path:
    """Give where a script lies."""
    return Path(__file__).parent / script
