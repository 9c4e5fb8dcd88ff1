"""Judge logging through an intake: against a plain model, and with a thread stopped or interrupted at every bytecode."""

from functools import partial
from typing import Final

from ..check import Check
from .log_model import run_model
from .log_sweep import run_cut_in, run_frozen
from .support import GROUP

CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="adapters.log_model",
        group=GROUP,
        tool="random histories",
        clauses=("LOG-1", "LOG-2"),
        shows="in random histories each record is written or counted, none kept beyond the capacity, each episode reported once",
        shows_not="several producers at once",
        run=run_model,
    ),
    Check(
        name="adapters.log_freeze",
        group=GROUP,
        tool="bytecode sweep",
        clauses=("LOG-1",),
        shows="a thread stopped for ever at any bytecode of logging, of handling or of a report delays no other thread that logs",
        shows_not="bytecode of `logging` itself; a formatter that waits",
        run=run_frozen,
    ),
    Check(
        name="adapters.log_interrupt",
        group=GROUP,
        tool="bytecode sweep",
        clauses=("LOG-1",),
        shows="an exception at any bytecode of logging, of handling or of a report loses no slot and no other record",
        shows_not="bytecode of `logging` itself",
        run=partial(run_cut_in, False),
    ),
    Check(
        name="adapters.log_reentry",
        group=GROUP,
        tool="bytecode sweep",
        clauses=("LOG-1",),
        shows="a signal handler or finaliser that logs at any bytecode of logging, of handling or of a report is served at once",
        shows_not="bytecode of `logging` itself",
        run=partial(run_cut_in, True),
    ),
)
