"""A submission that is interrupted keeps its slot for as long as the exception's traceback lives.

Breaks: EXECUTOR-2
Killed by: adapters.executor_sweep
"""

from ...mutants import Patch

BREAKS = ("EXECUTOR-2",)
KILLED_BY = ("adapters.executor_sweep",)
PATCHES = (
    Patch(
        "adapters/executor.py",
        (
            "            if work is not None:\n"
            "                work.cancel()  # wherever it is; a worker that has it already will finish it\n"
            "            elif lease is not None:\n"
            "                lease.release()\n"
            "            answer = lease = work = None  # the traceback must not hold the slot\n"
        ),
        "            held.append((answer, lease, work))\n",
    ),
    Patch("adapters/executor.py", "numbers: Final = count()\n", ("numbers: Final = count()\nheld: list[object] = []\n")),
)
