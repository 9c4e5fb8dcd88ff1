"""Hold the intake for event loops to its clauses: histories beside a model, and an end at every await and bytecode.

The loop is turned by hand: a turn runs what is ready and never waits, so that nothing here can hang or depend on time. A history is
a row of steps ("start A", "turn", "offer", "cancel A"); trio, where it is installed, runs the same rows, a turn for a checkpoint.
"""

from typing import Final

from ..check import Check
from .aio_cancelled import run_cancelled
from .aio_model import run_model
from .aio_sweep import run_sweep
from .aio_wakeups import run_wakeups
from .support import GROUP

CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="adapters.aio_model",
        group=GROUP,
        tool="random histories",
        clauses=("ASYNC-1", "ASYNC-2", "ASYNC-3"),
        shows="random histories of offers, takers, workers, drains and cancellations in one loop are as a plain model's",
        shows_not="several loops or threads; histories longer than 40 steps",
        run=run_model,
    ),
    Check(
        name="adapters.aio_cancel",
        group=GROUP,
        tool="cancellation sweep",
        clauses=("ASYNC-3",),
        shows="a cancellation after each of a number of steps, and one at each await, lose nothing (asyncio; trio if installed)",
        shows_not="cancellations inside the libraries' own code",
        run=run_cancelled,
    ),
    Check(
        name="adapters.aio_sweep",
        group=GROUP,
        tool="bytecode sweep",
        clauses=("ASYNC-3",),
        shows="an exception of any type at each bytecode of offers, takers, drains, close and the loop's callback loses nothing "
        "and reaches the caller",
        shows_not="exceptions in asyncio's own code and in trio's loop. The quick profile leaves out four of five of the kernel's "
        "bytecodes",
        run=run_sweep,
    ),
    Check(
        name="adapters.aio_wakeups",
        group=GROUP,
        tool="scenario",
        clauses=("ASYNC-1", "ASYNC-2"),
        shows="1,000 offers between two turns of a loop wake it once, without a thread, and so do two offers one inside the other; "
        "an item costs as much when 4,000 takers wait as when 16 do",
        shows_not="how long a wake-up takes",
        run=run_wakeups,
    ),
)
