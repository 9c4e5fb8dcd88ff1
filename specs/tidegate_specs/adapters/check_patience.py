"""Hold the executor and the async intake to their patience: histories beside a model, and an exception at every bytecode.

The clock is ours, and stands in the adapters' place of `time.monotonic`: it stands still, jumps and runs backwards.
"""

from typing import Final

from ..check import Check
from .patience_aio import aio_model, aio_sweep
from .patience_executor import executor_model, executor_sweep
from .support import GROUP

_INTERRUPTED: Final = (
    "an exception wherever one can arrive in {0} that finds what has expired, in the full profile at every bytecode: that is never "
    "run or handed out, and is told once, and counted"
)
EXECUTOR: Final[tuple[Check, ...]] = (
    Check(
        "adapters.executor_expiry",
        GROUP,
        "random histories",
        ("EXECUTOR-4",),
        "on a clock that stands, jumps and runs backwards each work is run, cancelled or expired as the model says; at the moment "
        "its future ends its slot is free; the count is the number of futures that say it",
        "works that wait behind several workers",
        executor_model,
    ),
    Check(
        "adapters.executor_expiry_sweep",
        GROUP,
        "bytecode sweep",
        ("EXECUTOR-4",),
        _INTERRUPTED.format("a worker"),
        "exceptions inside `concurrent.futures`, two exceptions in one recovery",
        executor_sweep,
    ),
)
AIO: Final[tuple[Check, ...]] = (
    Check(
        "adapters.aio_expiry",
        GROUP,
        "random histories",
        ("ASYNC-4",),
        "on a clock that stands, jumps and runs backwards takers are handed, and `on_expired` is told, what the model says, in its "
        "order, also if the callback raises; when it is told its slot is free",
        "trio, which runs the same code; takers in several loops",
        aio_model,
    ),
    Check(
        "adapters.aio_expiry_sweep",
        GROUP,
        "bytecode sweep",
        ("ASYNC-4",),
        _INTERRUPTED.format("a taker"),
        "two exceptions in one recovery; an item that was looked at is abandoned",
        aio_sweep,
    ),
)
