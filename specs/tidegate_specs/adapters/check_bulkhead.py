"""Hold the bulkhead to its clauses: random histories beside a model, and an exception at every bytecode.

A caller enters in steps, and others enter, leave and close between any two of them. Mostly another caller is a call made before a
bytecode of the first, in the same thread; a caller that stands still while others come and go has a thread of its own.
"""

from typing import Final

from ..check import Check
from .bulkhead_host import run_host
from .bulkhead_model import run_model
from .bulkhead_scene import VISIT, visit
from .bulkhead_sweep import run_sweep
from .support import GROUP

visit.__code__ = visit.__code__.replace(co_filename=VISIT)  # so that of this file it alone is swept


CLAUSES: Final = ("BULKHEAD-1", "BULKHEAD-2")
CHECKS: Final[tuple[Check, ...]] = (
    Check(
        name="adapters.bulkhead_model",
        group=GROUP,
        tool="random histories",
        clauses=CLAUSES,
        shows="in random histories of entries, interrupted entries, returns, exceptions, dropped leases and close, a caller is "
        "refused exactly when as many are inside as there are slots, and every slot is free in the end",
        shows_not="Several callers at once: the sweep is for those.",
        run=run_model,
    ),
    Check(
        name="adapters.bulkhead_sweep",
        group=GROUP,
        tool="bytecode sweep",
        clauses=CLAUSES,
        shows="an exception before any bytecode of enter, of a call inside, of its end, of close, of drain and of the kernel below "
        "loses no slot, lets nobody in too many, and nobody is refused without reason; also if another caller enters, leaves or "
        "closes before an earlier bytecode",
        shows_not="Two exceptions in one recovery. Three callers at once, except that one stands still while another leaves and a "
        "third enters. The other caller comes at some of the bytecodes only, at more of them in the full profile.",
        run=run_sweep,
    ),
    Check(
        name="adapters.bulkhead_host",
        group=GROUP,
        tool="bytecode sweep",
        clauses=("BULKHEAD-2",),
        shows="an exception before any bytecode of the bulkhead, of any type that our code uses as an answer elsewhere, reaches "
        "the caller, and the frames and generators of others on its way stay as they were; a drain in an event loop does not stop "
        "the loop, and a cancelled one leaves no thread",
        shows_not="The kernel's own bytecodes: the sweeps are for those. Other loops than asyncio's.",
        run=run_host,
    ),
)
